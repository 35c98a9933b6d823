import { parseId } from "@agentflow/protocol";
import { AgentFlowCommand } from "../../base-command.ts";
import { Args, Flags } from "../../flags.ts";
import type { Credential } from "../../local/bus-credentials.ts";
import { type Column, printTable } from "../../output/table.ts";
import { dim, green, yellow } from "../../output/text.ts";

export default class BusCredentials extends AgentFlowCommand {
  static override summary = "Make an identity on NATS for each role, with no right that it does not need";
  static override description =
    "Writes a seed for each (0600) and auth.conf for nats-server: public keys, what each may publish and\n" +
    "listen to, an inbox each. Only the archiver can remove. A worker reaches its tenant alone.\n" +
    "--accounts gives each tenant an account: choose it when tenants do not trust each other, for in one\n" +
    "account NATS does not check where an answer goes, and a stolen seed could write by another's hand.";
  static override args = { dir: Args.string({ required: true, description: "folder for the files" }) };
  static override flags = {
    tenant: Flags.string({
      char: "t",
      description: "a tenant with workers; may be repeated",
      multiple: true,
    }),
    pool: Flags.string({ description: "a pool that workers take from; may be repeated", multiple: true }),
    build: Flags.string({ description: "a build that workers take; may be repeated", multiple: true }),
    "any-build": Flags.boolean({
      description: "workers take every build, also those to come; for one tenant alone",
    }),
    accounts: Flags.boolean({ description: "an account for each tenant" }),
    add: Flags.boolean({
      description: "keep the seeds that are there, make what is missing",
      exclusive: ["rotate"],
    }),
    rotate: Flags.boolean({ description: "make every seed anew" }),
  };
  static override examples = [
    "af bus credentials ./bus",
    "af bus credentials ./bus --accounts --tenant acme --tenant globex",
    "af bus credentials ./bus --accounts --add --tenant initech",
    "af bus credentials ./bus --rotate --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(BusCredentials);
    const { resolve } = await import("node:path");
    const { makeCredentials } = await import("../../local/bus-credentials.ts");
    const made = await makeCredentials({
      folder: resolve(this.folder(flags), args.dir),
      tenants: (flags.tenant ?? []).map((tenant) => parseId("tenant", tenant)),
      pools: (flags.pool ?? []).map((pool) => parseId("pool", pool)),
      builds: (flags.build ?? []).map((build) => parseId("build", build)),
      anyBuild: flags["any-build"],
      accounts: flags.accounts,
      there: flags.rotate ? "rotate" : flags.add ? "add" : "refuse",
    });
    this.output.data(made);
    if (this.output.json) return;
    printTable(this.output, columns, made.identities);
    this.output.say([
      dim(`put ${made.config} beside the server's configuration, and there: `),
      "include ./auth.conf",
    ]);
    this.output.say(dim("then: nats-server --signal reload"));
  }
}

const columns: readonly Column<Credential>[] = [
  { title: "ROLE", of: ({ role, tenant }) => (tenant === undefined ? role : `${role} of ${tenant}`) },
  {
    title: "STATE",
    of: ({ state }) => (state === "kept" ? dim(state) : state === "made" ? green(state) : yellow(state)),
  },
  { title: "SEED", of: ({ seedFile }) => `--nkey ${seedFile}`, flexible: true },
  { title: "INBOX", of: ({ inbox }) => `--inbox ${inbox}` },
];
