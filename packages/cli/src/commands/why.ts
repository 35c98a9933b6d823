import { type Failure, type WhyAnswer, exitCodes } from "@agentflow/protocol";
import { ApiCommand } from "../api-command.ts";
import { Args } from "../flags.ts";
import type { Output } from "../output/output.ts";
import { bold, cyan, dim } from "../output/text.ts";
import { ago } from "../output/when.ts";
import { exitCodeOf, statusMark } from "../runs/outcome.ts";
import { resolveRun } from "../runs/resolve-run.ts";

export default class Why extends ApiCommand {
  static override summary = "What a run waits for or failed of, since when, who holds it, and what frees it";
  static override description =
    "Exits 0 when the run is well or done, 8 when it is stuck, 10 failed, 11 cancelled, 12 waits for\n" +
    "approval, 13 budget or quota, 14 outcome unknown.";
  static override args = { run: Args.string({ required: true, description: "id, its beginning, or @last" }) };
  static override examples = ["af why @last", "af why @last --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Why);
    const client = await this.connect(flags);
    const answer = await client.runs.why(await resolveRun(client, args.run));
    this.output.data(answer);
    if (!this.output.json) print(this.output, answer);
    this.exitWith(exitCodeOfWhy(answer));
  }
}

/** Nothing moves by itself any more: somebody must do something. */
const stuckReasons = new Set(["no_worker", "code_broken"]);
const stuck = 8;

function exitCodeOfWhy(answer: WhyAnswer): number {
  const reasons = new Set(answer.reasons.map(({ reason }) => reason));
  if (reasons.has("outcome_unknown")) return exitCodes.outcomeUnknown;
  if (reasons.has("approval")) return exitCodes.waitsForApproval;
  if (reasons.has("incompatible")) return exitCodes.historyIncompatible;
  if (answer.status !== "running") return exitCodeOf({ ...answer, ...failureOf(answer) });
  return [...reasons].some((reason) => stuckReasons.has(reason)) ? stuck : exitCodes.ok;
}

function failureOf({ reasons }: WhyAnswer): { readonly failure?: Failure } {
  const failed = reasons.find(({ code }) => code !== undefined);
  return failed?.code === undefined ? {} : { failure: { code: failed.code, message: failed.message } };
}

function print(output: Output, answer: WhyAnswer): void {
  const now = Date.now();
  output.line([statusMark(answer.status), " ", bold(answer.headline)]);
  const build = answer.build === undefined ? "" : `  build ${answer.build}`;
  output.line(dim(`  ${answer.run}${build}`));
  for (const { reason, step, message, since, until, holder, command } of answer.reasons) {
    output.line();
    output.line([
      dim(reason),
      step === undefined ? "" : ["  ", bold(step)],
      message === answer.headline ? "" : ["  ", message],
    ]);
    if (since !== undefined) output.line([dim("  since  "), ago(since, now)]);
    if (until !== undefined) output.line([dim("  until  "), `${until} (${ago(until, now)})`]);
    if (holder !== undefined) output.line([dim("  held by "), holder]);
    if (command !== undefined) output.line([dim("  next   "), cyan(command)]);
  }
}
