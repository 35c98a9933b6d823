/** One call of a model: asked in a runner, heard while it speaks, told to the loop as it ended. */
import { costOf } from "@agentflow/core/turn";
import { sleep } from "@agentflow/host/clock";
import { type Span, chatEnd, inputContent } from "@agentflow/host/spans";
import {
  type Failure,
  type LivePart,
  type ModelDefinition,
  type ModelReply,
  type ModelRequest,
  isTooDeep,
  unixMs,
} from "@agentflow/protocol";
import type { ResolvedModel } from "../channel/model-messages.ts";
import { failureOf } from "../worker/keys.ts";
import { isFenced } from "./fenced.ts";
import type { AgentHouse } from "./house.ts";
import { agentLimits } from "./limits.ts";
import { resolveModel } from "./models.ts";
import type { EndedCall } from "./open-calls.ts";
import { type Scene, placeOf } from "./scene.ts";

export interface ModelCallOptions {
  /** The name under `models`, and what stands there. */
  readonly name: string;
  readonly definition: ModelDefinition;
  /** Who goes on with the conversation now. */
  readonly agent?: string | undefined;
  readonly session?: string | undefined;
  readonly turn?: number | undefined;
  /** Number of the call within the journal. */
  readonly n: number;
  readonly notBefore?: string | undefined;
  /** Built once the call's time has come. */
  readonly request: () => Promise<ModelRequest>;
  /** Ends the wait for its time. */
  readonly signal: AbortSignal;
}

export type ModelCallEnd = { readonly ms: number } & (
  | { readonly kind: "replied"; readonly reply: ModelReply; readonly firstMs?: number }
  | { readonly kind: "failed"; readonly failure: Failure; readonly begun?: true }
);

/** Undefined when it was not begun, or was stopped from here. */
export async function callModel(scene: Scene, of: ModelCallOptions): Promise<ModelCallEnd | undefined> {
  const { house } = scene.drive;
  const { clock, timers } = house.world;
  if (of.notBefore !== undefined) await sleep(timers, unixMs(of.notBefore) - clock.now(), of.signal);
  if (of.signal.aborted) return undefined;
  const started = clock.monotonic();
  const ms = (): number => Math.max(0, Math.round(clock.monotonic() - started));
  const failed = (error: unknown): ModelCallEnd => {
    if (isFenced(error)) throw error;
    return { kind: "failed", failure: failureOf(error), ms: ms() };
  };
  let model: ResolvedModel;
  try {
    model = resolveModel(of.definition, house.keys);
  } catch (error) {
    return failed(error);
  }
  const { n, name: alias, agent, session, turn } = of;
  const { provider, model: asking } = model;
  const facts = { provider, model: asking, alias, n, agent, session, turn };
  const span = scene.spans.chat(facts, scene.span.context);
  const end = await asked(scene, { ...of, model }, span).catch(failed);
  if (end === undefined) span.end({ errorType: "stopped" });
  else if (end.kind === "failed") span.end({ errorType: end.failure.code });
  else span.end({ attributes: endedWith(end, of.definition, house) });
  return end;
}

function endedWith(
  { reply, firstMs }: Extract<ModelCallEnd, { kind: "replied" }>,
  definition: ModelDefinition,
  { priceOf, content }: AgentHouse,
) {
  const price = definition.price ?? priceOf(definition);
  const usd = price === undefined ? undefined : costOf(price, reply.usage);
  return chatEnd({ reply, usd, firstMs, content });
}

async function asked(
  scene: Scene,
  of: ModelCallOptions & { readonly model: ResolvedModel },
  span: Span,
): Promise<ModelCallEnd | undefined> {
  const { drive, calls, live } = scene;
  const { task } = drive;
  const { name, n, model } = of;
  const request = await of.request();
  if (drive.house.content === true) span.set(inputContent(request.messages));
  let heard = false;
  const onParts = (parts: readonly LivePart[]): void => {
    heard = true;
    live.tell(parts.flatMap((part) => ofCall(part, n)));
  };
  const id = `${task.run}:${scene.step}:model-${n}`;
  const place = placeOf(scene, span.context);
  const call = { kind: "model", name, model, request, n, callId: id, ...place } as const;
  const { timeoutMs } = model;
  const ended = await calls.run(call, { timeoutMs: timeoutMs + agentLimits.callGraceMs, onParts });
  if (ended === undefined) return undefined;
  const end = endOf(ended);
  if (end.kind === "replied") return end;
  if (heard) live.tell([{ kind: "void", n, reason: end.failure.code }]);
  if (of.signal.aborted) return undefined;
  // One that came whole and is of no use was paid for as well.
  return heard || ended.end.kind === "reply" ? { ...end, begun: true } : end;
}

/** A runner counts its own calls and is believed in nothing else: the number is ours. */
function ofCall(part: LivePart, n: number): readonly LivePart[] {
  return part.kind === "progress" || part.kind === "void" ? [] : [{ ...part, n }];
}

function endOf({ end, late }: EndedCall): ModelCallEnd {
  if (end.kind === "reply") {
    const { reply, firstMs, ms } = end;
    const text = JSON.stringify(reply);
    if (isTooDeep(text) || Buffer.byteLength(text) > agentLimits.replyBytesMax) {
      const message = `the reply is longer than ${agentLimits.replyBytesMax} bytes, or nested too deep`;
      return { kind: "failed", failure: { code: "model_malformed", message }, ms };
    }
    return { kind: "replied", reply, ms, ...(firstMs === undefined ? {} : { firstMs }) };
  }
  const ms = end.kind === "lost" ? 0 : end.ms;
  if (late) {
    const message = "the model did not answer in time, nor did its call end by itself";
    return { kind: "failed", failure: { code: "model_timeout", message }, ms };
  }
  if (end.kind === "lost") {
    const message = `the runner that asked the model is gone: ${end.reason}`;
    return { kind: "failed", failure: { code: "model_unavailable", message }, ms };
  }
  if (end.kind === "failed") return { kind: "failed", failure: end.failure, ms };
  const message = "the runner answered with what is no reply of a model";
  return { kind: "failed", failure: { code: "model_malformed", message }, ms };
}
