/** Plays a script: the same requests in the same order get the same answers. */
import type { Json, ModelReply, ModelScript, ReplyPart, ScriptReply } from "@agentflow/protocol";
import { type ScriptAnswer, type ScriptRequest, failureOfStatus, statusOf, tokensOf } from "./answer.ts";
import { lettersOf } from "./beats.ts";
import type { Asked, Fit } from "./condition.ts";
import { type Conversation, conversationOf, scopeOf } from "./conversation.ts";
import { hostileParts } from "./hostile.ts";
import { isObject, listOf } from "../json.ts";
import { scriptError } from "./parse-script.ts";
import { type ReadyReply, type Rule, compileReply, compileRule } from "./rule.ts";
import { sampleOf } from "./sample.ts";

export interface Player {
  readonly script: ModelScript;
  /**
   * Never throws: what a script has no rule for is a failure that shows what was asked. `times` and `n` count
   * within a scope, such as a run.
   */
  answer(request: ScriptRequest, scope?: string): ScriptAnswer;
}

/** What plays where no script is given: it answers by itself. */
export const autoScript: ModelScript = {
  apiVersion: "agentflow.dev/v1",
  kind: "ModelScript",
  name: "auto",
  default: "auto",
};

/** Refuses a script whose expressions or patterns are none, naming each. */
export function createPlayer(script: ModelScript, file = "script"): Player {
  const faults: string[] = [];
  const rules = (script.rules ?? []).map((rule, i) => {
    const label = `rule ${i + 1}${rule.name === undefined ? "" : ` (${rule.name})`}`;
    return compileRule(rule, label, faults);
  });
  const last = script.default;
  const fallback = last === undefined || last === "auto" ? last : compileReply(last, "default", faults);
  if (faults.length > 0) throw scriptError(file, faults);
  const counts = new Counts(rules.length);
  return {
    script,
    answer: (request, scope = "") => play({ script, rules, fallback }, request, counts.of(scope)),
  };
}

const scopesMax = 10_000;

interface Count {
  n: number;
  readonly used: number[];
}

/** How often each rule answered within each scope; the scope that was quiet longest is forgotten first. */
class Counts {
  readonly #scopes = new Map<string, Count>();
  readonly #rules: number;

  constructor(rules: number) {
    this.#rules = rules;
  }

  of(scope: string): Count {
    const count = this.#scopes.get(scope) ?? { n: 0, used: Array.from({ length: this.#rules }, () => 0) };
    this.#scopes.delete(scope);
    this.#scopes.set(scope, count);
    const [oldest] = this.#scopes.keys();
    if (this.#scopes.size > scopesMax && oldest !== undefined) this.#scopes.delete(oldest);
    return count;
  }
}

interface Parts {
  readonly script: ModelScript;
  readonly rules: readonly Rule[];
  readonly fallback: "auto" | ReadyReply | undefined;
}

function play(parts: Parts, request: ScriptRequest, count: Count): ScriptAnswer {
  count.n += 1;
  const conversation = conversationOf(request);
  const { contextTokens } = parts.script;
  if (contextTokens !== undefined && conversation.inputTokens > contextTokens) {
    return overflow(conversation.inputTokens, contextTokens);
  }
  const more = { model: request.model, schema: request.output ?? null, n: count.n };
  const asked: Asked = { model: request.model, conversation, more };
  const misses: string[] = [];
  for (const [i, rule] of parts.rules.entries()) {
    const used = count.used[i] ?? 0;
    const fit: Fit =
      used < rule.times
        ? rule.condition.test(asked)
        : { fits: false, because: `times: ${rule.times}, used up` };
    if (fit.fits) {
      count.used[i] = used + 1;
      return spoken(rule.reply, { parts, rule: rule.label, asked, match: fit.match });
    }
    misses.push(`${rule.label}: not ${fit.because}`);
  }
  if (parts.fallback === "auto") return automatic(parts, asked, request);
  if (parts.fallback === undefined) return noRule(asked, misses);
  return spoken(parts.fallback, { parts, rule: "default", asked, match: [] });
}

interface Speaking {
  readonly parts: Parts;
  readonly rule: string;
  readonly asked: Asked;
  readonly match: readonly string[];
}

function spoken({ said, body }: ReadyReply, speaking: Speaking): ScriptAnswer {
  const { rule, asked, match } = speaking;
  if (said.hang === true) return { kind: "hang", rule };
  if (said.fail !== undefined) return failed(rule, said.fail);
  const filled = body?.evaluate(scopeOf(asked.conversation, { ...asked.more, match }));
  if (filled?.ok === false) {
    const { path, message } = filled.problem;
    return failed(rule, { kind: "bad_request", message: `${rule}${path.replaceAll("/", ".")}: ${message}` });
  }
  const parts =
    said.hostile === undefined
      ? partsOf(said, filled?.value ?? {}, asked.conversation.turn)
      : hostileParts(said.hostile, asked.conversation.tools);
  return replied(parts, said, speaking);
}

function replied(parts: readonly ReplyPart[], said: ScriptReply, speaking: Speaking): ScriptAnswer {
  const { rule, asked } = speaking;
  const calls = parts.some(({ kind }) => kind === "call");
  const reply: ModelReply = {
    parts,
    finish: said.finish ?? (calls ? "tool_calls" : "stop"),
    usage: { ...usageOf(parts, asked.conversation), ...said.usage },
    model: asked.model,
  };
  return {
    kind: "reply",
    rule,
    reply,
    pace: { ...speaking.parts.script.pace, ...said.pace },
    ...(said.cut === undefined ? {} : { cut: said.cut }),
    ...(said.malformed === undefined ? {} : { malformed: said.malformed }),
  };
}

function partsOf(said: ScriptReply, filled: Json, turn: number): readonly ReplyPart[] {
  const values: { readonly [key: string]: Json | undefined } = isObject(filled) ? filled : {};
  const parts: ReplyPart[] = [];
  if (said.reasoning !== undefined) parts.push({ kind: "reasoning", text: textOf(values["reasoning"]) });
  if (said.text !== undefined) parts.push({ kind: "text", text: textOf(values["text"]) });
  if (said.json !== undefined) parts.push({ kind: "text", text: JSON.stringify(values["json"]) });
  const inputs = listOf(values["calls"]);
  for (const [i, { tool, raw }] of (said.calls ?? []).entries()) {
    const id = `call_${turn}_${i}`;
    const input: Json = inputs[i] ?? {};
    parts.push(raw === undefined ? { kind: "call", id, tool, input } : { kind: "call", id, tool, text: raw });
  }
  return parts;
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

function usageOf(parts: readonly ReplyPart[], { inputTokens }: Conversation): ModelReply["usage"] {
  const outputTokens = parts.reduce((sum, part) => sum + tokensOf(lettersOf(part)), 0);
  return { inputTokens, outputTokens: Math.max(1, outputTokens) };
}

function automatic(parts: Parts, asked: Asked, request: ScriptRequest): ScriptAnswer {
  const speaking = { parts, rule: "default", asked, match: [] };
  const text =
    request.output === undefined
      ? asked.conversation.structured
        ? "{}"
        : `Scripted answer to: ${cutTo(asked.conversation.message, 200)}`
      : JSON.stringify(sampleOf(request.output));
  return replied([{ kind: "text", text }], {}, speaking);
}

function failed(rule: string, fail: NonNullable<ScriptReply["fail"]>): ScriptAnswer {
  const failure = fail.kind ?? failureOfStatus(fail.status ?? 500);
  return {
    kind: "failure",
    rule,
    failure,
    status: fail.status ?? statusOf[failure],
    message: fail.message ?? `scripted failure: ${failure.replaceAll("_", " ")}`,
    ...(fail.retryAfterMs === undefined ? {} : { retryAfterMs: fail.retryAfterMs }),
  };
}

function overflow(tokens: number, most: number): ScriptAnswer {
  const message = `the request has ${tokens} tokens, the model's window holds ${most}`;
  return { ...failedAs("context_overflow", message), rule: "contextTokens" };
}

const missesShownMax = 5;

/** Shows what was asked and how near each rule came, so that the missing rule can be written. */
function noRule({ model, conversation }: Asked, misses: readonly string[]): ScriptAnswer {
  const tools = conversation.tools.length === 0 ? "no tools" : `tools ${conversation.tools.join(", ")}`;
  const results = conversation.results.map(({ tool }) => tool).join(", ");
  const after = results === "" ? "" : `, after results of ${results}`;
  const said = JSON.stringify(cutTo(conversation.message, 200));
  const asked =
    `model ${cutTo(model, 80)}, turn ${conversation.turn}, ${cutTo(tools, 200)}${after}, ` +
    `${conversation.structured ? "JSON asked for, " : ""}message ${said}`;
  const near = misses.slice(0, missesShownMax).map((miss) => cutTo(miss, 160));
  const more = misses.length > near.length ? [`and ${misses.length - near.length} more rules`] : [];
  const why = near.length === 0 ? "the script has no rules" : [...near, ...more].join("; ");
  const message = `no rule of the script answers this: ${asked}. ${why}. Add a rule, or default: auto`;
  return { ...failedAs("bad_request", message), rule: "none" };
}

function failedAs(
  failure: "context_overflow" | "bad_request",
  message: string,
): ScriptAnswer & { kind: "failure" } {
  return { kind: "failure", rule: failure, failure, status: statusOf[failure], message };
}

function cutTo(text: string, chars: number): string {
  return text.length > chars ? `${text.slice(0, chars - 1)}…` : text;
}
