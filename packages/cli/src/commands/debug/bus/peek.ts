import { AgentFlowError, peekKinds } from "@agentflow/protocol";
import { ApiCommand } from "../../../api-command.ts";
import { itemLines } from "../../../debug/bus/item-lines.ts";
import { bytesFlag, tenantFlag } from "../../../debug/bus/tenant-flag.ts";
import { Args, Flags } from "../../../flags.ts";
import { showBytes } from "../../../output/size.ts";
import { printTable } from "../../../output/table.ts";
import { dim, yellow } from "../../../output/text.ts";
import { resolveRun } from "../../../runs/resolve-run.ts";

export default class DebugBusPeek extends ApiCommand {
  static override summary =
    "Look at what lies on the bus: streams, queued tasks, histories, rows; changes nothing";
  static override description =
    "streams: how much lies where, and the queues' depths. queue: tasks that wait or are held. log: the\n" +
    "newest records of a run (--run; --step: a step's journal) or of a shard. tables: rows by --prefix.\n" +
    "Known secrets are hidden; rows that hold keys are never shown. Goes through the API, on every context.";
  static override args = {
    what: Args.string({
      ignoreStdin: true,
      description: "what to look at",
      options: [...peekKinds],
      default: "streams",
    }),
  };
  static override flags = {
    pool: Flags.string({ description: "tasks of this pool", helpValue: "POOL" }),
    run: Flags.string({ description: "of this run: id, its beginning, or @last", helpValue: "RUN" }),
    step: Flags.string({ description: "the journal of this step", helpValue: "STEP", dependsOn: ["run"] }),
    shard: Flags.string({ description: "the newest of this shard (scope operator)", helpValue: "NN" }),
    prefix: Flags.string({ description: "rows whose keys begin so", helpValue: "TEXT" }),
    tenant: tenantFlag,
    limit: Flags.integer({ char: "n", description: "at most so many", default: 20, min: 1, max: 200 }),
    bytes: bytesFlag,
    raw: Flags.boolean({ description: "one line of JSON a record" }),
  };
  static override examples = [
    "af debug bus peek",
    "af debug bus peek queue --pool default",
    "af debug bus peek log --run @last --raw",
    "af debug bus peek tables --prefix worker. --bytes 200",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DebugBusPeek);
    const kind = peekKinds.find((one) => one === args.what) ?? "streams";
    if (kind === "log" && flags.run === undefined && flags.shard === undefined) throw whose();
    const client = await this.connect(flags);
    const { pool, step, shard, prefix, tenant, limit } = flags;
    const run = flags.run === undefined ? undefined : await resolveRun(client, flags.run);
    const peeked = await client.bus.peek({
      kind,
      limit,
      characters: flags.bytes,
      ...(pool === undefined ? {} : { pool }),
      ...(run === undefined ? {} : { run }),
      ...(step === undefined ? {} : { step }),
      ...(shard === undefined ? {} : { shard }),
      ...(prefix === undefined ? {} : { prefix }),
      ...(tenant === undefined ? {} : { tenant }),
    });
    this.output.data(peeked);
    if (this.output.json) return;
    const { streams = [], depths = [], items, more } = peeked;
    if (streams.length > 0) {
      const columns = [
        { title: "STREAM", of: ({ stream }: (typeof streams)[number]) => stream, flexible: true },
        {
          title: "MESSAGES",
          side: "right" as const,
          of: ({ messages }: (typeof streams)[number]) =>
            messages === undefined ? dim("–") : String(messages),
        },
        {
          title: "SIZE",
          side: "right" as const,
          of: ({ bytes }: (typeof streams)[number]) => (bytes === undefined ? dim("–") : showBytes(bytes)),
        },
      ];
      printTable(this.output, columns, streams);
      if (depths.length > 0) this.output.line();
    }
    if (depths.length > 0) {
      printTable(
        this.output,
        [
          { title: "QUEUE", of: ({ subject }) => subject, flexible: true },
          { title: "WAITING", of: ({ waiting }) => String(waiting), side: "right" },
          { title: "HELD", of: ({ leased }) => String(leased), side: "right" },
        ],
        depths,
      );
    }
    const nowMs = Date.now();
    for (const item of items)
      itemLines(item, { nowMs, raw: flags.raw }).forEach((line) => this.output.line(line));
    if (kind !== "streams" && items.length === 0) this.output.say("Nothing lies there.");
    if (kind === "streams" && depths.length === 0) this.output.say("No task is queued.");
    if (more) this.output.say(yellow(`… there is more: --limit N (now ${limit}, at most 200)`));
  }
}

function whose(): AgentFlowError {
  return new AgentFlowError("invalid_input", "the log of which run, or of which shard?", {
    reason: "flag_missing",
    suggestions: ["af debug bus peek log --run @last", "af debug bus peek log --shard 07"],
  });
}
