/** A rule made ready: its condition and templates compiled, its faults found before anybody asks. */
import { type Template, compileTemplate, isTemplate } from "@agentflow/core/expr";
import type { Json, ScriptReply, ScriptRule } from "@agentflow/protocol";
import { type Condition, compileCondition } from "./condition.ts";
import { scopeNames } from "./conversation.ts";

export interface Rule {
  /** `rule 2 (look up)`, or `default`. */
  readonly label: string;
  readonly condition: Condition;
  readonly times: number;
  readonly reply: ReadyReply;
}

/** A reply with its templates compiled. */
export interface ReadyReply {
  readonly said: ScriptReply;
  /** Undefined when a fault was found in it. */
  readonly body?: Template;
}

/** Compiles one rule, adding to `faults` what is wrong with it. */
export function compileRule(rule: ScriptRule, label: string, faults: string[]): Rule {
  const condition = compileCondition(rule.when ?? {});
  if ("fault" in condition) faults.push(`${label}: when.${condition.fault}`);
  return {
    label,
    condition: "fault" in condition ? { test: () => ({ fits: false, because: condition.fault }) } : condition,
    times: rule.times ?? Number.POSITIVE_INFINITY,
    reply: compileReply(rule, label, faults),
  };
}

export function compileReply(said: ScriptReply, label: string, faults: string[]): ReadyReply {
  const fault = faultOf(said);
  if (fault !== undefined) faults.push(`${label}: ${fault}`);
  const body = compileTemplate(templatesOf(said), { names: scopeNames });
  if (isTemplate(body)) return { said, body };
  faults.push(...body.map(({ path, message }) => `${label}${path.replaceAll("/", ".")}: ${message}`));
  return { said };
}

/** The keys of a reply that hold templates; arguments letter by letter are none. */
function templatesOf({ text, reasoning, json, calls }: ScriptReply): Json {
  return {
    ...(text === undefined ? {} : { text }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(json === undefined ? {} : { json }),
    ...(calls === undefined ? {} : { calls: calls.map(({ input }) => input ?? {}) }),
  };
}

function faultOf(reply: ScriptReply): string | undefined {
  const { text, json, calls, fail, hang, hostile } = reply;
  const said = text !== undefined || json !== undefined || calls !== undefined;
  const kinds = [said, fail !== undefined, hang !== undefined, hostile !== undefined].filter(Boolean).length;
  if (kinds === 0) return "answers nothing: write text, json, calls, fail, hang or hostile";
  if (kinds > 1) return "answers in several ways: of text, json or calls; fail; hang; hostile choose one";
  if (text !== undefined && json !== undefined) return "text and json are both the reply's text: choose one";
  if (calls?.some(({ input, raw }) => input !== undefined && raw !== undefined) === true) {
    return "a call has input and raw: choose one";
  }
  if (fail !== undefined && fail.kind === undefined && fail.status === undefined) {
    return "fail: write kind or status";
  }
  return undefined;
}
