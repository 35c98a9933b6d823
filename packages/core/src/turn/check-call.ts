/** Whether a model may have a call that it asks for, as it asks for it. */
import { type CallRefused, inputDepthMax, isDeeperThan } from "@agentflow/protocol";
import { checkSchema } from "../plan/schema.ts";
import { fitsInline } from "../run/sizes.ts";
import { turnLimits } from "./limits.ts";
import type { CallableRule, TurnRules } from "./rules.ts";
import type { CallState } from "./state.ts";
import { type Work, emit } from "./work.ts";

interface Refusal {
  readonly reason: CallRefused["reason"];
  readonly message: string;
}

/** Refuses what cannot be made of a reply's calls that have not begun; the model is told of each. */
export function checkCalls(work: Work, calls: readonly CallState[]): void {
  let handOffs = 0;
  for (const [index, state] of calls.entries()) {
    if (state.stage.kind !== "new") continue;
    const rule = work.rules.callables.get(state.part.tool);
    const refusal = index < turnLimits.callsPerReplyMax ? refusalOf(work.rules, state, rule) : tooMany;
    if (refusal !== undefined) refuseCall(work, state, refusal);
    else if (rule?.kind === "handoff" && handOffs++ > 0) refuseCall(work, state, oneHandOff);
  }
}

export function refuseCall(work: Work, { call, part }: CallState, { reason, message }: Refusal): void {
  const tool = part.tool.slice(0, turnLimits.toolNameMax);
  emit(work, { kind: "call_refused", at: work.at, call, tool, reason, message });
}

export function toolsOf({ callables }: TurnRules): string {
  return callables.size === 0 ? "it has none" : [...callables.keys()].join(", ");
}

const tooMany: Refusal = {
  reason: "too_many",
  message: `only the first ${turnLimits.callsPerReplyMax} calls of a reply are made: ask again for the rest`,
};

const oneHandOff: Refusal = {
  reason: "not_allowed",
  message: "the conversation can be handed to one agent only",
};

function refusalOf(
  rules: TurnRules,
  { part }: CallState,
  rule: CallableRule | undefined,
): Refusal | undefined {
  if (rule === undefined) return absent(rules, part.tool);
  if (part.input === undefined) return bad("the arguments are no JSON");
  const text = JSON.stringify(part.input);
  if (isDeeperThan(text, inputDepthMax)) return bad(`the arguments nest deeper than ${inputDepthMax} levels`);
  if (!fitsInline(part.input)) return bad("the arguments are longer than 64 KiB");
  const problems = checkSchema(rule.input, part.input).slice(0, turnLimits.problemsTold);
  if (problems.length === 0) return undefined;
  return bad(
    problems.map(({ path, message }) => `${path === "" ? "the arguments" : path} ${message}`).join("; "),
  );
}

/** A name of our grammar may be another agent's tool; any other is made up. */
function absent(rules: TurnRules, tool: string): Refusal {
  const name = JSON.stringify(tool.slice(0, turnLimits.toolNameMax));
  const message = `${name} is not among the tools of this agent: ${toolsOf(rules)}`;
  const isOurs = /^(agent__|transfer_to_)?[a-z0-9][a-z0-9_-]{0,62}(__[a-z][A-Za-z0-9]{0,62})?$/.test(tool);
  return { reason: isOurs && /__|^transfer_to_/.test(tool) ? "not_allowed" : "unknown_tool", message };
}

function bad(message: string): Refusal {
  return { reason: "bad_input", message };
}
