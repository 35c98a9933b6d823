import { parseId } from "@agentflow/protocol";
import { AgentFlowCommand } from "../../base-command.ts";
import { Args, Flags } from "../../flags.ts";
import type { PreparedFile } from "../../local/prepare-parts.ts";
import { type Column, printTable } from "../../output/table.ts";
import { dim, green, yellow } from "../../output/text.ts";

export default class BusPrepare extends AgentFlowCommand {
  static override summary = "Make what the parts of an installation in containers need before they start";
  static override description =
    "A folder for each part: seeds of its identity on NATS, nats.conf and auth.conf, the first token.\n" +
    "What is there stays, what is missing is made: it runs before each start and changes nothing twice.\n" +
    "Installations of af up and of the compose file run it as their first part.";
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
    pool: Flags.string({ description: "a pool that workers take from; may be repeated", multiple: true }),
    build: Flags.string({ description: "a build that workers take; may be repeated", multiple: true }),
  };
  static override examples = [
    "af bus prepare ./parts",
    "af bus prepare ./parts --nats 3 --pool default --pool gpu",
    "af bus prepare ./parts --nats 0 --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(BusPrepare);
    const { resolve } = await import("node:path");
    const { prepareParts } = await import("../../local/prepare-parts.ts");
    const folder = resolve(this.folder(flags), args.dir);
    const files = await prepareParts({
      folder,
      servers: Number(flags.nats),
      store: flags.store,
      memoryMb: flags["memory-mb"],
      pools: (flags.pool ?? []).map((pool) => parseId("pool", pool)),
      builds: (flags.build ?? []).map((build) => parseId("build", build)),
    });
    this.output.data({ folder, files });
    if (!this.output.json) printTable(this.output, columns, files);
  }
}

const columns: readonly Column<PreparedFile>[] = [
  { title: "FILE", of: ({ file }) => file, flexible: true },
  {
    title: "STATE",
    of: ({ state }) => (state === "kept" ? dim(state) : state === "made" ? green(state) : yellow(state)),
  },
];
