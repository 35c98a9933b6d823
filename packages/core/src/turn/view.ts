/** A loop as it stood after any event of its journal: what a debugger shows. */
import type {
  Ask,
  Failure,
  Instant,
  Message,
  SandboxApplied,
  TurnEvent,
  UsageTotals,
  Value,
} from "@agentflow/protocol";
import { asksOf } from "./advance.ts";
import { evolveTurn } from "./evolve.ts";
import { type Resolve, messagesOf } from "./requests.ts";
import { usageOf } from "./spent.ts";
import { type CallState, type TurnState, allCalls, emptyTurn, inputOf } from "./state.ts";

export interface TurnView {
  readonly status: "absent" | "asking" | "calling" | "waiting" | "finished" | "failed";
  readonly agent?: string;
  readonly model?: string;
  readonly attempt?: number;
  readonly turn: number;
  /** What the last model call was given. */
  readonly prompt: readonly Message[];
  /** All that was said so far. */
  readonly messages: readonly Message[];
  readonly calls: readonly CallView[];
  readonly asks: readonly Ask[];
  /** When the next try of the model is due. */
  readonly retryAt?: Instant;
  readonly usage: UsageTotals;
  readonly output?: Value;
  readonly failure?: Failure;
}

export interface CallView {
  readonly call: string;
  readonly tool: string;
  readonly status: CallState["stage"]["kind"];
  readonly input: Value;
  readonly output?: Value;
  readonly failure?: Failure;
  /** Of a sub-agent: the step instance of its journal. */
  readonly step?: string;
  /** Of an untrusted tool: what the call ran in. */
  readonly sandbox?: SandboxApplied;
}

/** After the first `count` events of the journal of a step instance. */
export function viewTurn(
  events: readonly TurnEvent[],
  { step, count, resolve }: { readonly step: string; readonly count: number; readonly resolve: Resolve },
): TurnView {
  const past = events.slice(0, count);
  const state = past.reduce(evolveTurn, emptyTurn);
  const called = past.findLastIndex(({ kind }) => kind === "model_called");
  const asked = past.slice(0, called + 1).reduce(evolveTurn, emptyTurn);
  const base = {
    status: statusOf(state),
    prompt: messagesOf(asked, resolve),
    messages: messagesOf(state, resolve),
    usage: usageOf(state),
  };
  if (state.kind === "absent") return { ...base, turn: 0, calls: [], asks: [] };
  const { agent, asking, model, attempt, replies, retryAt } = state;
  const calls = allCalls(state);
  return {
    ...base,
    agent,
    model: asking?.model ?? state.answered ?? model,
    attempt,
    turn: asking?.turn ?? replies,
    calls: calls.map((call) => callView(call, step)),
    asks: calls.flatMap((call) => asksOf({ rules: { step } }, call)),
    ...(retryAt === undefined ? {} : { retryAt }),
    ...endOf(state),
  };
}

function statusOf(state: TurnState): TurnView["status"] {
  if (state.kind === "absent") return "absent";
  if (state.kind === "ended") return state.end.kind === "agent_finished" ? "finished" : "failed";
  if (state.asking !== undefined) return "asking";
  const isCalling = [...state.calls.values()].some(({ stage }) => stage.kind === "under_way");
  return isCalling ? "calling" : "waiting";
}

function endOf(state: TurnState): Pick<TurnView, "output" | "failure"> {
  if (state.kind !== "ended") return {};
  return state.end.kind === "agent_finished" ? { output: state.end.output } : { failure: state.end.failure };
}

function callView(state: CallState, step: string): CallView {
  const { call, part, stage, child, sandbox } = state;
  return {
    call,
    tool: part.tool,
    status: stage.kind,
    input: { inline: inputOf(state) },
    ...(child === undefined ? {} : { step: `${step}~${child}` }),
    ...(sandbox === undefined ? {} : { sandbox }),
    ...(stage.kind === "returned" ? { output: stage.output } : {}),
    ...(stage.kind === "failed" ? { failure: stage.failure } : {}),
    ...(stage.kind === "refused" ? { failure: { code: stage.reason, message: stage.message } } : {}),
  };
}
