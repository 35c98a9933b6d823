import { AgentFlowError, parseId } from "@agentflow/protocol";
import { AgentFlowCommand } from "../../base-command.ts";
import { Args, Flags } from "../../flags.ts";
import type { SecretsOptions } from "../../local/cluster-secrets.ts";
import type { PreparedFile, PrepareOptions } from "../../local/prepare-parts.ts";
import { type Column, printTable } from "../../output/table.ts";
import { dim, green, yellow } from "../../output/text.ts";

export default class BusPrepare extends AgentFlowCommand {
  static override summary = "Make what the parts of an installation in containers need before they start";
  static override description =
    "A folder for each part: seeds of its identity on NATS, nats.conf and auth.conf, the first token.\n" +
    "What is there stays, what is missing is made: it runs before each start and changes nothing twice.\n" +
    "Installations of af up and of the compose file run it as their first part; in a cluster it is a job,\n" +
    "which keeps a Secret for each part with the rights of its own service account (--secrets).";
  static override args = { dir: Args.string({ required: true, description: "folder for the folders" }) };
  static override flags = {
    nats: Flags.string({
      description: "servers of NATS: 0 when another one is used, 1, 3 or 5",
      options: ["0", "1", "3", "5"],
      default: "1",
    }),
    store: Flags.string({
      description: "where a server keeps its data",
      helpValue: "DIR",
      default: "/var/lib/nats",
    }),
    "memory-mb": Flags.integer({
      description: "what a server may keep in memory, in MiB",
      min: 16,
      default: 128,
    }),
    hosts: Flags.string({
      description: "names of the servers' hosts, with {n} for 1, 2, …",
      helpValue: "PATTERN",
      default: "nats-{n}",
    }),
    pool: Flags.string({ description: "a pool that workers take from; may be repeated", multiple: true }),
    build: Flags.string({ description: "a build that workers take; may be repeated", multiple: true }),
    secrets: Flags.string({
      description: "keep them as Secrets of the cluster in whose pod this runs: NAME-keys-nats and so on",
      helpValue: "NAME",
    }),
    label: Flags.string({
      description: "a label of these Secrets; may be repeated",
      helpValue: "KEY=VALUE",
      multiple: true,
      dependsOn: ["secrets"],
    }),
    "any-build": Flags.boolean({
      description: "workers take every build, also those to come; for one tenant alone",
    }),
  };
  static override examples = [
    "af bus prepare ./parts",
    "af bus prepare ./parts --nats 3 --pool default --pool gpu",
    "af bus prepare ./parts --nats 0 --json",
    "af bus prepare /tmp/prepare --secrets shop --hosts 'shop-nats-{n}.shop-nats'",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(BusPrepare);
    const { resolve } = await import("node:path");
    const folder = resolve(this.folder(flags), args.dir);
    const options = {
      folder,
      servers: Number(flags.nats),
      store: flags.store,
      memoryMb: flags["memory-mb"],
      hosts: flags.hosts,
      pools: (flags.pool ?? []).map((pool) => parseId("pool", pool)),
      builds: (flags.build ?? []).map((build) => parseId("build", build)),
      anyBuild: flags["any-build"],
    };
    const files =
      flags.secrets === undefined
        ? await prepareFolder(options)
        : await prepareCluster(options, { release: flags.secrets, labels: labelsOf(flags.label) });
    this.output.data({ folder, files });
    if (!this.output.json) printTable(this.output, columns, files);
  }
}

async function prepareFolder(options: PrepareOptions): Promise<readonly PreparedFile[]> {
  const { prepareParts } = await import("../../local/prepare-parts.ts");
  return prepareParts(options);
}

async function prepareCluster(
  options: PrepareOptions,
  of: Pick<SecretsOptions, "release" | "labels">,
): Promise<readonly PreparedFile[]> {
  const { clusterOfPod, prepareSecrets } = await import("../../local/cluster-secrets.ts");
  return prepareSecrets(options, { ...of, api: clusterOfPod(process.env) });
}

function labelsOf(texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, key, value] = /^([A-Za-z0-9./_-]+)=([A-Za-z0-9._-]*)$/.exec(text) ?? [];
      if (key !== undefined && value !== undefined) return [key, value];
      throw new AgentFlowError(
        "invalid_input",
        `--label ${JSON.stringify(text.slice(0, 80))} is not KEY=VALUE`,
      );
    }),
  );
}

const columns: readonly Column<PreparedFile>[] = [
  { title: "FILE", of: ({ file }) => file, flexible: true },
  {
    title: "STATE",
    of: ({ state }) => (state === "kept" ? dim(state) : state === "made" ? green(state) : yellow(state)),
  },
];
