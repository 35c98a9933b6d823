import { type UsageRow, usageGroups } from "@agentflow/protocol";
import { ApiCommand } from "../api-command.ts";
import { Flags } from "../flags.ts";
import { type Column, printTable } from "../output/table.ts";
import { bold } from "../output/text.ts";
import { usdText } from "../runs/usage-text.ts";
import { readSince } from "../runs/parse-since.ts";

export default class Usage extends ApiCommand {
  static override summary = "What models and tools have used up: tokens, calls, money";
  static override description = "Of runs that are kept; the most expensive first.";
  static override flags = {
    by: Flags.option({
      description: "what the rows are",
      options: usageGroups,
      default: "agent" as const,
    })(),
    since: Flags.string({ description: "used up at or after: 24h, or a time", helpValue: "WHEN" }),
  };
  static override examples = ["af usage", "af usage --by workflow --since 24h --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(Usage);
    const client = await this.connect(flags);
    const since = flags.since === undefined ? {} : { since: readSince(flags.since, Date.now()) };
    const answer = await client.usage({ by: flags.by, ...since });
    this.output.data(answer);
    if (this.output.json) return;
    // A run has several agents and models: what their rows count is not to be added up.
    const isOnce = flags.by === "workflow" || flags.by === "run";
    const total: Row = { name: "in all", usage: answer.total, runs: isOnce ? sumOf(answer.rows) : undefined };
    if (answer.rows.length === 0) this.output.say("Nothing has been used up.");
    else
      printTable(this.output, columns(flags.by), [...answer.rows, ...(flags.by === "tenant" ? [] : [total])]);
    if (answer.total.unpriced === true) {
      this.output.say([bold("*"), " some calls had no price: they are left out of the money"]);
    }
  }
}

function sumOf(rows: readonly UsageRow[]): number {
  return rows.reduce((sum, { runs }) => sum + runs, 0);
}

type Row = Omit<UsageRow, "runs"> & { readonly runs: number | undefined };

function columns(by: string): Column<Row>[] {
  return [
    { title: by.toUpperCase(), of: ({ name }) => name, flexible: true },
    { title: "RUNS", of: ({ runs }) => String(runs ?? "–"), side: "right" },
    { title: "MODEL CALLS", of: ({ usage }) => String(usage.modelCalls), side: "right" },
    { title: "TOOL CALLS", of: ({ usage }) => String(usage.toolCalls), side: "right" },
    { title: "IN", of: ({ usage }) => String(usage.inputTokens), side: "right" },
    { title: "OUT", of: ({ usage }) => String(usage.outputTokens), side: "right" },
    { title: "USD", of: ({ usage }) => usdText(usage), side: "right" },
  ];
}
