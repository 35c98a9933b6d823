import { type RunView, type SpanRecord, defaultTenant } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { ApiCommand } from "../api-command.ts";
import { Args, Flags } from "../flags.ts";
import { visibleJson } from "../output/visible.ts";
import { resolveRun } from "../runs/resolve-run.ts";
import { costsOf, printCosts } from "../trace/cost.ts";
import { readSpans } from "../trace/spans.ts";
import { printTrace } from "../trace/waterfall.ts";

export default class Trace extends ApiCommand {
  static override summary = "When each step of a run waited (░) and worked (█), as a waterfall";
  static override description =
    "Calls of models and tools stand below their step, with tokens in and out and what they cost.";
  static override args = { run: Args.string({ required: true, description: "id, its beginning, or @last" }) };
  static override flags = {
    spans: Flags.boolean({
      description: "spans of agents and tools below their steps",
      default: true,
      allowNo: true,
    }),
    all: Flags.boolean({ description: "fold nothing" }),
    cost: Flags.boolean({ description: "what models cost, by model, agent and step", exclusive: ["export"] }),
    export: Flags.string({
      description: "the whole trace as text: spans as we have them, or a request of OTLP",
      options: ["json", "otlp"],
      helpValue: "FORM",
    }),
  };
  static override examples = [
    "af trace @last",
    "af trace @last --cost",
    "af trace @last --no-spans",
    "af trace @last --export otlp",
    "af trace @last --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Trace);
    const client = await this.connect(flags);
    const run = await resolveRun(client, args.run);
    const view = await client.runs.get(run);
    const needsSpans = flags.spans || flags.cost || flags.export !== undefined || this.output.json;
    const spans = needsSpans ? await readSpans(client, run) : [];
    if (flags.export !== undefined) return this.#export(flags.export, { client, view, spans });
    const costs = costsOf(spans);
    this.output.data({ run: view, spans, cost: costs });
    if (this.output.json) return;
    if (flags.cost) printCosts(this.output, costs);
    else printTrace(this.output, { view, spans, nowMs: Date.now(), all: flags.all });
  }

  async #export(form: string, of: { client: Client; view: RunView; spans: readonly SpanRecord[] }) {
    const { client, view, spans } = of;
    const { events } = await client.runs.events(view.run, { limit: 1 });
    const first = events[0]?.event;
    const traceparent = first?.kind === "run_started" ? first.traceparent : undefined;
    const { otlpText, wholeTrace } = await import("../local/export-trace.ts");
    const whole = await wholeTrace({ view, traceparent, spans });
    const text = await otlpText(whole, { version: this.config.version, tenant: defaultTenant });
    const value: unknown = form === "otlp" ? JSON.parse(text) : { spans: whole };
    if (this.output.json) this.output.data(value);
    else this.output.verbatim(`${visibleJson(value)}\n`);
  }
}
