import { type RunAnswer, failureMessage, failureText, showDuration } from "@agentflow/protocol";
import type { Output } from "../output/output.ts";
import { bold, cyan, dim, red } from "../output/text.ts";
import { statusMark, statusText } from "./outcome.ts";

interface Shown {
  readonly ms: number;
  /** The failure that stands above already, as the line of the step that failed. */
  readonly told: string | undefined;
}

/** The result on stdout and one line about the run on stderr; with JSON, one envelope. */
export function printAnswer(output: Output, answer: RunAnswer, { ms, told }: Shown): void {
  output.data(answer, { ms: Math.round(ms) });
  if (output.json) return;
  if (answer.status === "completed") output.value(answer.output ?? null);
  const approval = answer.status === "parked" ? approvalOf(answer) : undefined;
  // What is asked stands above, where the run came to it.
  if (approval === undefined && answer.failure !== undefined && failureText(answer.failure) !== told) {
    output.say([red(bold(answer.failure.code)), ": ", failureMessage(answer.failure)]);
  }
  const time = dim(` in ${showDuration(ms)} · ${answer.run}`);
  output.say([statusMark(answer.status), " ", statusText(answer.status), time]);
  if (approval !== undefined) return sayApproval(output, answer.run, approval);
  if (answer.status === "failed" || answer.status === "parked") {
    output.say([
      "  ",
      cyan(`af why ${answer.run}`),
      dim(" says why, "),
      cyan(`af trace ${answer.run}`),
      dim(" when"),
    ]);
  }
}

function approvalOf({ failure }: RunAnswer): string | undefined {
  const approval = failure?.code === "approval" ? failure.details?.["approval"] : undefined;
  return typeof approval === "string" ? approval : undefined;
}

/** The run waits for a person, and goes on by itself after the answer. */
function sayApproval(output: Output, run: string, approval: string): void {
  output.say(["  look     ", cyan(`af approvals show ${approval}`)]);
  output.say(["  approve  ", cyan(`af approvals approve ${approval}`)]);
  output.say(["  deny     ", cyan(`af approvals deny ${approval}`)]);
  output.say(["  follow   ", cyan(`af run watch ${run}`)]);
}
