import { type RunView, type StepView, showDuration, showSandbox, failureText } from "@agentflow/protocol";
import { ApiCommand } from "../../api-command.ts";
import { Args } from "../../flags.ts";
import type { Output } from "../../output/output.ts";
import { type Column, heading, printRecord, printTable } from "../../output/table.ts";
import { cyan, dim, red, yellow } from "../../output/text.ts";
import { ago, took } from "../../output/when.ts";
import { statusText } from "../../runs/outcome.ts";
import { resolveRun } from "../../runs/resolve-run.ts";
import { inOrderOfStart } from "../../runs/step-order.ts";
import { usageText } from "../../runs/usage-text.ts";
import { visibleJson } from "../../output/visible.ts";

export default class RunGet extends ApiCommand {
  static override summary = "Show a run with its steps, input and result";
  static override args = { run: Args.string({ required: true, description: "id, its beginning, or @last" }) };
  static override examples = ["af run get @last", "af run get @last --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RunGet);
    const client = await this.connect(flags);
    const view = await client.runs.get(await resolveRun(client, args.run));
    this.output.data(view);
    if (!this.output.json) printRun(this.output, view);
  }
}

function printRun(output: Output, view: RunView): void {
  const now = Date.now();
  printRecord(output, [
    ["run", view.run],
    ["workflow", `${view.workflow} @ ${view.version}`],
    ["status", statusText(view.status)],
    ["started", `${ago(view.startedAt, now)}  (${view.startedAt})`],
    ["took", took(view.startedAt, view.endedAt, now)],
    [
      "labels",
      Object.entries(view.labels ?? {})
        .map(([key, value]) => `${key}=${value}`)
        .join(" ") || undefined,
    ],
    ["build", view.build],
    ["code", view.codes.length > 1 ? red(`mixed: ${view.codes.join(", ")}`) : view.codes[0]],
    ["failure", view.failure === undefined ? undefined : red(failureText(view.failure))],
    ["used", view.usage === undefined ? undefined : usageText(view.usage)],
    ["input", view.input === undefined ? undefined : short(view.input)],
    ["output", view.output === undefined ? undefined : short(view.output)],
  ]);
  if (view.steps.length === 0) return;
  for (const { step, status, approval } of view.steps) {
    if (status === "asking" && approval !== undefined) {
      output.line([yellow("asks"), `  ${step} waits for a person: `, cyan(`af approvals show ${approval}`)]);
    }
  }
  heading(output, "Steps");
  printTable(output, stepColumns(now), inOrderOfStart(view.steps));
  for (const { step, attempts } of inOrderOfStart(view.steps)) {
    const sandbox = attempts.at(-1)?.sandbox;
    if (sandbox !== undefined) output.line([dim(`${step} ran in a sandbox: ${showSandbox(sandbox)}`)]);
  }
}

function stepColumns(now: number): Column<StepView>[] {
  return [
    { title: "STEP", of: ({ step }) => step, flexible: true },
    { title: "USES", of: ({ uses }) => uses, flexible: true },
    { title: "STATUS", of: ({ status }) => status },
    { title: "TRIES", of: ({ attempts }) => String(attempts.length), side: "right" },
    { title: "QUEUED", of: (step) => sum(step, "queueMs"), side: "right" },
    {
      title: "TOOK",
      of: ({ startedAt, endedAt }) => (startedAt === undefined ? "–" : took(startedAt, endedAt, now)),
      side: "right",
    },
  ];
}

function sum({ attempts }: StepView, key: "queueMs" | "ms"): string {
  if (attempts.length === 0) return "–";
  return showDuration(attempts.reduce((total, attempt) => total + (attempt[key] ?? 0), 0));
}

const shortMax = 400;

function short(value: unknown): string {
  const text = visibleJson(value);
  return text.length <= shortMax ? text : `${text.slice(0, shortMax)}… (whole with --json)`;
}
