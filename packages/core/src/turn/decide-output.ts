/** What a reply without calls means: the step's output, or another try. */
import type { Json, ModelReply } from "@agentflow/protocol";
import { checkSchema } from "../plan/schema.ts";
import { advance } from "./advance.ts";
import { turnLimits } from "./limits.ts";
import { parseOutput } from "./parse-output.ts";
import type { TurnRules } from "./rules.ts";
import { type Loop, callsOf } from "./state.ts";
import { type Work, active, emit, fail, finish } from "./work.ts";

/**
 * A text that was cut short at the output limit is still the output of an agent without a schema: the
 * journal says `length`. With a schema it is sent back like any text that does not fit, and so is no text
 * at all.
 */
export function decideOutput(work: Work, { turn, reply }: { turn: number; reply: ModelReply }): void {
  const text = textOf(reply);
  const read = readOutput(work.rules, text, reply);
  if (read.problem === undefined) return finish(work, { inline: read.output });
  const { problem } = read;
  emit(work, { kind: "reply_rejected", at: work.at, turn, problem });
  const loop = active(work);
  const rejections = loop === undefined ? 0 : rejectionsOf(loop);
  if (rejections < turnLimits.rejectionsMax) return advance(work);
  const message = `${rejections} replies in a row were not the output that the agent declares: ${problem}`;
  fail(work, { code: "output_invalid", message }, { retryable: false });
}

export function textOf({ parts }: ModelReply): string {
  return parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
}

type Read = { readonly output: Json; readonly problem?: undefined } | { readonly problem: string };

function readOutput({ output: schema }: TurnRules, text: string, { finish: how }: ModelReply): Read {
  const isCut = how === "length";
  if (schema === undefined) {
    if (isCut && text === "")
      return { problem: "the reply ended at the output limit before it said anything" };
    return { output: { text } };
  }
  const json = parseOutput(text);
  if (json === undefined) {
    return { problem: isCut ? "the JSON ended at the output limit: it must be shorter" : "it is no JSON" };
  }
  const problems = checkSchema(schema, json.value).slice(0, turnLimits.problemsTold);
  if (problems.length === 0) return { output: json.value };
  return {
    problem: problems.map(({ path, message }) => `${path === "" ? "it" : path} ${message}`).join("; "),
  };
}

function rejectionsOf(loop: Loop): number {
  let count = 0;
  for (const entry of loop.entries.toReversed()) {
    if (entry.kind === "rejected") count++;
    else if (callsOf(loop, entry).length > 0) break;
  }
  return count;
}
