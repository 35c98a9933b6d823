import { ApiCommand } from "../../../api-command.ts";
import { cureOf, deadColumns } from "../../../debug/bus/dead-columns.ts";
import { tenantFlag } from "../../../debug/bus/tenant-flag.ts";
import { Flags } from "../../../flags.ts";
import { printTable } from "../../../output/table.ts";
import { cyan, dim, yellow } from "../../../output/text.ts";
import { resolveRun } from "../../../runs/resolve-run.ts";

export default class DebugBusDead extends ApiCommand {
  static override summary = "List dead letters: tasks that workers gave up, why, and how they stand now";
  static override description =
    "One line a task, newest first. open: its run waits for it; queued, working: it was sent again;\n" +
    "settled: its attempt or its run has ended, nothing is left to do; gone: there is no such run any more.";
  static override flags = {
    pool: Flags.string({ description: "of this pool", helpValue: "POOL" }),
    run: Flags.string({ description: "of this run: id, its beginning, or @last", helpValue: "RUN" }),
    reason: Flags.string({ description: "whose reason holds this text", helpValue: "TEXT" }),
    open: Flags.boolean({ description: "only those whose run waits" }),
    tenant: tenantFlag,
    limit: Flags.integer({ char: "n", description: "at most so many", default: 50, min: 1, max: 200 }),
  };
  static override examples = [
    "af debug bus dead",
    "af debug bus dead --open --pool default",
    "af debug bus dead --run @last --json",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(DebugBusDead);
    const client = await this.connect(flags);
    const { pool, reason, tenant, limit } = flags;
    const run = flags.run === undefined ? undefined : await resolveRun(client, flags.run);
    const page = await client.bus.dead({
      limit,
      ...(pool === undefined ? {} : { pool }),
      ...(run === undefined ? {} : { run }),
      ...(reason === undefined ? {} : { reason }),
      ...(tenant === undefined ? {} : { tenant }),
    });
    const items = page.items.filter(({ state }) => !flags.open || state === "open");
    this.output.data({ items, more: page.more });
    if (this.output.json) return;
    if (items.length === 0)
      return this.output.say(flags.open ? "No run waits for a dead letter." : "No dead letters.");
    printTable(this.output, deadColumns(items, Date.now()), items);
    if (page.more) this.output.say(yellow(`… there are more: --limit N (now ${limit}, at most 200)`));
    const open = items.filter(({ state }) => state === "open");
    for (const why of new Set(open.map((one) => one.reason))) {
      const cure = cureOf(why);
      if (cure !== undefined) this.output.say([dim(`${why}: `), cure]);
    }
    if (open.length > 0) {
      const named = open.length === 1 ? String(open[0]?.letter ?? "") : "--all";
      this.output.say(["sent again by: ", cyan(`af debug bus redrive ${named}`)]);
    }
  }
}
