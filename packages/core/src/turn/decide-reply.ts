import { type ModelReply, type Usage, isDeeperThan, outputDepthMax } from "@agentflow/protocol";
import { jsonBytes } from "../run/sizes.ts";
import { advance } from "./advance.ts";
import { checkCalls } from "./check-call.ts";
import { decideModelFailed } from "./decide-model-failed.ts";
import { decideOutput } from "./decide-output.ts";
import type { TurnInput } from "./input.ts";
import { turnLimits } from "./limits.ts";
import { costOf } from "./money.ts";
import type { ActiveTurn } from "./state.ts";
import { type Work, active, emit, fail } from "./work.ts";

type Replied = TurnInput & { readonly kind: "model_replied" };

/** Calls are checked and made; a reply without calls is the output, or is sent back. */
export function decideReply(work: Work, loop: ActiveTurn, input: Replied): void {
  const { asking } = loop;
  if (asking?.n !== input.n) return;
  const { at, n, ms, firstMs } = input;
  const fault = faultOf(input.reply);
  if (fault !== undefined) {
    const failure = { code: "model_malformed", message: fault };
    return decideModelFailed(work, loop, { kind: "model_failed", at, n, failure, begun: true, ms });
  }
  const reply = { ...input.reply, usage: believable(input.reply.usage) };
  const { turn, model } = asking;
  const price = work.rules.models.get(model)?.price;
  const cost = price === undefined ? {} : { usd: costOf(price, reply.usage) };
  const first = firstMs === undefined ? {} : { firstMs };
  emit(work, { kind: "model_replied", at, n, turn, model, reply, ...cost, ms, ...first });
  takeUpReply(work);
}

/**
 * What the last reply leads to. Also where its record was the last that was written, by an attempt that died
 * before it could write what it led to: then nothing of it was checked.
 */
export function takeUpReply(work: Work): void {
  const loop = active(work);
  const last = loop?.entries.at(-1);
  if (loop === undefined || loop.asking !== undefined || last?.kind !== "reply") return advance(work);
  const { turn, reply } = last;
  if (reply.finish === "content_filter") {
    return fail(work, filtered(loop.answered ?? loop.model), { retryable: false });
  }
  const calls = [...loop.calls.values()];
  if (calls.length === 0) return decideOutput(work, { turn, reply });
  checkCalls(work, calls);
  advance(work);
}

function faultOf({ parts, finish }: ModelReply): string | undefined {
  if (finish === "error")
    return "the model broke its reply off with an error, such as arguments of a tool that are no JSON";
  const calls = parts.filter(({ kind }) => kind === "call").length;
  if (calls > turnLimits.callsPerReplyReadMax)
    return `the reply asks for ${calls} calls; ${turnLimits.callsPerReplyReadMax} are the most that is read`;
  const bytes = jsonBytes(parts);
  if (bytes > turnLimits.replyBytesMax)
    return `the reply is ${bytes} bytes long; ${turnLimits.replyBytesMax} are the most that is kept`;
  if (isDeeperThan(JSON.stringify(parts), outputDepthMax)) return "the reply nests too deep";
  return undefined;
}

function filtered(model: string) {
  const message = `the model ${model} did not answer: its provider filters such content`;
  return { code: "model_refused", message };
}

/** Counts as budgets can reckon with them, whatever a provider says. */
function believable(usage: Usage): Usage {
  const { cacheReadTokens, cacheWriteTokens, reasoningTokens } = usage;
  return {
    inputTokens: count(usage.inputTokens),
    outputTokens: count(usage.outputTokens),
    ...(cacheReadTokens === undefined ? {} : { cacheReadTokens: count(cacheReadTokens) }),
    ...(cacheWriteTokens === undefined ? {} : { cacheWriteTokens: count(cacheWriteTokens) }),
    ...(reasoningTokens === undefined ? {} : { reasoningTokens: count(reasoningTokens) }),
  };
}

function count(tokens: number): number {
  return Number.isFinite(tokens) ? Math.min(Math.max(0, Math.round(tokens)), turnLimits.tokensMax) : 0;
}
