import { agentDefaults, canonicalJson } from "@agentflow/protocol";
import type { CallStarted, Shown } from "@agentflow/protocol";
import { refuseCall, toolsOf } from "./check-call.ts";
import type { CallableRule } from "./rules.ts";
import { type CallState, inputOf } from "./state.ts";
import { type Work, active, emit } from "./work.ts";

type ToolRule = CallableRule & { readonly kind: "tool" };

/** Starts what may start, so many side by side; what needs a person is asked for all at once. */
export function startCalls(work: Work): void {
  for (const { call } of active(work)?.calls.values() ?? []) {
    const state = active(work)?.calls.get(call);
    if (state !== undefined) startOne(work, state);
  }
}

function startOne(work: Work, state: CallState): void {
  const { kind } = state.stage;
  if (kind !== "new" && kind !== "approved" && kind !== "lost") return;
  const rule = work.rules.callables.get(state.part.tool);
  if (rule === undefined) return refuseGone(work, state);
  if (rule.kind === "handoff") return;
  if (rule.kind === "tool" && rule.approval === "always" && kind === "new") return ask(work, state, rule);
  if (underWay(work) >= agentDefaults.parallelCalls) return;
  emit(work, startedBy(work, state, rule));
  if (rule.kind === "agent") return callAgent(work, state);
  const { call } = state;
  const key = keyOf(work, state);
  work.commands.push({ kind: "call_tool", call, tool: rule.tool, input: inputOf(state), key });
}

/** The code has changed since the model asked. */
function refuseGone(work: Work, state: CallState): void {
  const message = `${state.part.tool} is no longer among the tools of this agent: ${toolsOf(work.rules)}`;
  refuseCall(work, state, { reason: "not_allowed", message });
}

function ask(work: Work, state: CallState, { tool, effect, expiresMs }: ToolRule): void {
  const { call } = state;
  const shown: Shown = { uses: `tool:${tool}`, effect, input: inputOf(state) };
  const hash = work.rules.hash(canonicalJson(shown));
  emit(work, { kind: "call_asked", at: work.at, call, tool, shown, hash, expiresMs });
}

function underWay(work: Work): number {
  const calls = [...(active(work)?.calls.values() ?? [])];
  return calls.filter(({ stage }) => stage.kind === "under_way").length;
}

function startedBy(
  work: Work,
  state: CallState,
  rule: Exclude<CallableRule, { kind: "handoff" }>,
): CallStarted {
  const { call } = state;
  const base = { kind: "call_started", at: work.at, call } as const;
  const given = { input: { inline: inputOf(state) }, key: keyOf(work, state) };
  if (rule.kind === "tool") return { ...base, uses: `tool:${rule.tool}`, effect: rule.effect, ...given };
  // Its own journal keeps its calls from being repeated wrongly.
  return { ...base, uses: `agent:${rule.agent}`, effect: rule.effect ?? "write", ...given };
}

/** Also when it is called again: it goes on in its own journal. */
export function callAgent(work: Work, { call }: CallState): void {
  const state = active(work)?.calls.get(call);
  if (state?.stage.kind !== "under_way") return;
  const agent = state.stage.started.uses.replace(/^agent:/, "");
  const step = `${work.rules.step}~${state.child ?? 0}`;
  work.commands.push({ kind: "call_agent", call, agent, input: inputOf(state), step });
}

function keyOf({ rules }: Work, { call }: CallState): string {
  return `${rules.run}:${rules.step}:${call}`;
}
