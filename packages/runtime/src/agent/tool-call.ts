/** One call of a tool, or of an agent that is a function: made in a runner, with its own secrets alone. */
import { toolEnd } from "@agentflow/host/spans";
import {
  type Effect,
  type Failure,
  type Json,
  type LivePart,
  type SandboxApplied,
  type Value,
  isInline,
  showDuration,
  showSandbox,
} from "@agentflow/protocol";
import type { Call } from "../channel/runner-messages.ts";
import { parseJson } from "../channel/parse-json.ts";
import { failureOf } from "../worker/keys.ts";
import type { EndedCall } from "./open-calls.ts";
import { type Scene, placeOf } from "./scene.ts";

export interface ToolCallOptions {
  readonly kind: Call["kind"];
  readonly name: string;
  /** Whose call it is. */
  readonly agent?: string | undefined;
  readonly session?: string | undefined;
  readonly effect?: Effect | undefined;
  /** The call's id in the journal. */
  readonly call: string;
  readonly input: Json;
  /** The idempotency key. */
  readonly key: string;
  readonly isIrreversible: boolean;
  readonly timeoutMs?: number | undefined;
  readonly secrets: readonly string[];
  /** The loop is being stopped: a call that fails now was stopped, whatever it says. */
  readonly signal: AbortSignal;
}

export type ToolCallEnd = ToolCallOutcome & { readonly sandbox?: SandboxApplied };

type ToolCallOutcome =
  | { readonly kind: "returned"; readonly output: Value; readonly ms: number }
  | { readonly kind: "failed"; readonly failure: Failure; readonly ms: number }
  /** Nobody knows whether it was done. */
  | { readonly kind: "lost"; readonly reason: string }
  /** Asked to stop because the step's time is up: it stays under way, and the next attempt sees to it. */
  | { readonly kind: "stopped" };

export async function callTool(scene: Scene, of: ToolCallOptions): Promise<ToolCallEnd> {
  const { name: tool, call, agent, session, effect, input } = of;
  const { house } = scene.drive;
  const given = house.content === true ? { input } : {};
  const span = scene.spans.tool({ tool, call, agent, session, effect, ...given }, scene.span.context);
  const end = await called(scene, of, span.context);
  const sandbox = end.sandbox === undefined ? {} : { "agentflow.sandbox": showSandbox(end.sandbox) };
  if (end.kind === "returned") {
    const content = house.content === true ? outputContent(end.output) : {};
    span.end({ attributes: { ...content, ...sandbox } });
  } else {
    const errorType = end.kind === "failed" ? end.failure.code : `call_${end.kind}`;
    span.end({ errorType, attributes: sandbox });
  }
  return end;
}

function outputContent(output: Value) {
  return toolEnd(isInline(output) ? output.inline : { blob: output.blob, bytes: output.bytes });
}

async function called(
  scene: Scene,
  of: ToolCallOptions,
  context: Parameters<typeof placeOf>[1],
): Promise<ToolCallEnd> {
  const { drive, calls, live } = scene;
  const { keys } = drive.house;
  const { kind, name, input, key, timeoutMs } = of;
  let ended: EndedCall | undefined;
  try {
    const secrets = of.secrets.length === 0 ? {} : { secrets: keys.secrets(of.secrets) };
    const onParts = (parts: readonly LivePart[]): void => {
      const progress = parts.filter((part) => part.kind === "progress");
      live.tell(progress.map((part) => ({ ...part, call: of.call })));
    };
    const limitMs = Math.max(0, timeoutMs ?? drive.deadlineMs - drive.house.world.clock.now());
    const place = placeOf(scene, context);
    const call: Call = { kind, name, input, callId: key, limitMs, ...place, ...secrets };
    ended = await calls.run(call, { timeoutMs, onParts });
  } catch (error) {
    // It was not begun: what threw stands before the runner.
    return { kind: "failed", failure: failureOf(error), ms: 0 };
  }
  if (ended === undefined) return of.isIrreversible ? notBegun : { kind: "stopped" };
  const { sandbox } = ended;
  return { ...(await endOf(scene, of, ended)), ...(sandbox === undefined ? {} : { sandbox }) };
}

/** Else a person would have to say what became of it. */
const notBegun: ToolCallEnd = {
  kind: "failed",
  failure: { code: "timeout", message: "the step's time was up before the call began" },
  ms: 0,
};

async function endOf(scene: Scene, of: ToolCallOptions, ended: EndedCall): Promise<ToolCallEnd> {
  const { end, late } = ended;
  const { values, house } = scene.drive;
  const isStopped = of.signal.aborted && !late;
  if (end.kind === "lost") {
    return isStopped ? { kind: "stopped" } : lostOr(of, { reason: end.reason, late, ms: 0 });
  }
  const { ms } = end;
  switch (end.kind) {
    case "output":
      return { kind: "returned", output: await values.store(house.masks.value(end.output)), ms };
    case "big":
      return { kind: "returned", output: await values.store(house.masks.value(parseJson(end.text))), ms };
    case "failed":
      // Stopped half-way, it may have been done.
      if (isStopped) return { kind: "stopped" };
      if (late) return lostOr(of, { reason: end.failure.message, late, ms });
      return { kind: "failed", failure: end.failure, ms };
    default:
      return lostOr(of, { reason: "the runner answered with what is no output", late, ms });
  }
}

function lostOr(
  of: ToolCallOptions,
  { reason, late, ms }: { readonly reason: string; readonly late: boolean; readonly ms: number },
): ToolCallEnd {
  if (!late) return { kind: "lost", reason };
  const message = `no answer within its timeout of ${showDuration(of.timeoutMs ?? 0)}`;
  if (of.isIrreversible) return { kind: "lost", reason: `timeout: ${message}` };
  return { kind: "failed", failure: { code: "timeout", message }, ms };
}
