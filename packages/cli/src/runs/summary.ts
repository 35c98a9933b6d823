import { type RunAnswer, showDuration } from "@agentflow/protocol";
import type { Output } from "../output/output.ts";
import { bold, cyan, dim, red } from "../output/text.ts";
import { statusMark, statusText } from "./outcome.ts";

/** The result on stdout and one line about the run on stderr; with JSON, one envelope. */
export function printAnswer(output: Output, answer: RunAnswer, ms: number): void {
  output.data(answer, { ms: Math.round(ms) });
  if (output.json) return;
  if (answer.status === "completed") output.value(answer.output ?? null);
  if (answer.failure !== undefined) {
    output.say([red(bold(answer.failure.code)), ": ", answer.failure.message]);
  }
  const time = dim(` in ${showDuration(ms)} · ${answer.run}`);
  output.say([statusMark(answer.status), " ", statusText(answer.status), time]);
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
