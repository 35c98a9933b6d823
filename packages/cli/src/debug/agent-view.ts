/** An agent's loop as its journal tells it up to an event: the loop's own fold, and what calls say beside. */
import type { viewTurn } from "@agentflow/core/turn";
import {
  AgentFlowError,
  type Json,
  type Message,
  type TurnEvent,
  type UsageTotals,
  type Value,
  showSandbox,
} from "@agentflow/protocol";
import { noUsage } from "./usage.ts";

export interface AgentView {
  readonly agent: string;
  readonly model: string;
  readonly attempt: number;
  readonly turn: number;
  readonly status: string;
  readonly calls: readonly AgentCall[];
  readonly usage: UsageTotals;
  /** The conversation so far, the newest reply and the results that are there included. */
  readonly messages: readonly Message[];
  /** What the newest model call was given. */
  readonly prompt: readonly Message[];
}

export interface AgentCall {
  readonly call: string;
  readonly tool: string;
  readonly status: string;
  readonly effect?: string;
  readonly key?: string;
  readonly ms?: number;
  readonly input: Json;
  readonly output?: Json;
  readonly failure?: string;
  /** Of an untrusted tool: what the call ran in. */
  readonly sandbox?: string;
}

/** What all these events of one journal lead to; undefined before its loop has begun. */
export function agentView(
  events: readonly TurnEvent[],
  { step, fold }: { readonly step: string; readonly fold: typeof viewTurn },
): AgentView | undefined {
  const started = events.find((event) => event.kind === "agent_started");
  if (started === undefined) return undefined;
  const known = { agent: started.agent, model: started.model, attempt: 1 };
  try {
    const view = fold(events.map(inline), { step, count: events.length, resolve: plain });
    const { agent, model, attempt } = { ...known, ...view };
    const { turn, status, usage, messages, prompt, calls } = view;
    const told = calls.map(({ call, tool, status: stage, input, output, failure, sandbox }) => ({
      call,
      tool,
      status: stage,
      ...factsOf(events, call),
      input: plain(input),
      ...(output === undefined ? {} : { output: plain(output) }),
      ...(failure === undefined ? {} : { failure: `${failure.code}: ${failure.message}` }),
      ...(sandbox === undefined ? {} : { sandbox: showSandbox(sandbox) }),
    }));
    return { agent, model, attempt, turn, status, calls: told, usage, messages, prompt };
  } catch (error) {
    // The events of a journal that cannot be folded are all the more worth looking at.
    if (!AgentFlowError.is(error)) throw error;
    const none = { turn: 0, calls: [], usage: noUsage, messages: [], prompt: [] };
    return { ...known, ...none, status: `unreadable: ${error.message}` };
  }
}

/** What only the events say of a call: its effect, its key, how long it took. */
function factsOf(events: readonly TurnEvent[], call: string): Pick<AgentCall, "effect" | "key" | "ms"> {
  const own = events.filter((event) => "call" in event && event.call === call);
  const started = own.findLast((event) => event.kind === "call_started");
  const ended = own.findLast((event) => event.kind === "call_returned" || event.kind === "call_failed");
  return {
    ...(started === undefined ? {} : { effect: started.effect, key: started.key }),
    ...(ended === undefined ? {} : { ms: ended.ms }),
  };
}

/** Messages that stand by reference cannot be read here: their place is shown instead. */
function inline(event: TurnEvent): TurnEvent {
  if (event.kind !== "agent_started" || "inline" in event.messages) return event;
  const { blob, bytes } = event.messages;
  const text = `(the first messages stand by reference: ${blob}, ${bytes} bytes)`;
  return { ...event, messages: { inline: [{ role: "system", text }] } };
}

/** What stands by reference is named, not fetched. */
export function plain(value: Value): Json {
  return "inline" in value ? value.inline : { blob: value.blob, bytes: value.bytes };
}
