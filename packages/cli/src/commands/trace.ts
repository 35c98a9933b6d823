import { ApiCommand } from "../api-command.ts";
import { Args, Flags } from "../flags.ts";
import { resolveRun } from "../runs/resolve-run.ts";
import { readSpans } from "../trace/spans.ts";
import { printTrace } from "../trace/waterfall.ts";

export default class Trace extends ApiCommand {
  static override summary = "When each step of a run waited (░) and worked (█), as a waterfall";
  static override args = { run: Args.string({ required: true, description: "id, its beginning, or @last" }) };
  static override flags = {
    spans: Flags.boolean({ description: "spans of tools below their steps", default: true, allowNo: true }),
  };
  static override examples = ["af trace @last", "af trace @last --no-spans", "af trace @last --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Trace);
    const client = await this.connect(flags);
    const run = await resolveRun(client, args.run);
    const view = await client.runs.get(run);
    const spans = flags.spans || this.output.json ? await readSpans(client, run) : [];
    this.output.data({ run: view, spans });
    if (!this.output.json) printTrace(this.output, { view, spans, nowMs: Date.now() });
  }
}
