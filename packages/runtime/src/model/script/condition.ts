/** Whether a rule fits a request; if not, what keeps it from fitting. */
import { type Compiled, compileExpression, isCompiled } from "@agentflow/core/expr";
import type { JsonObject, ScriptCondition } from "@agentflow/protocol";
import { type Conversation, scopeNames, scopeOf } from "./conversation.ts";

export type Fit =
  | { readonly fits: true; readonly match: readonly string[] }
  | { readonly fits: false; readonly because: string };

export interface Asked {
  readonly model: string;
  readonly conversation: Conversation;
  /** What expressions see beside the conversation. */
  readonly more: JsonObject;
}

export interface Condition {
  test(asked: Asked): Fit;
}

/** Gives the fault of a condition that can never be tested. */
export function compileCondition(when: ScriptCondition): Condition | { readonly fault: string } {
  const pattern = when.matches === undefined ? undefined : patternOf(when.matches);
  if (pattern !== undefined && "fault" in pattern) return pattern;
  const guard = when.if === undefined ? undefined : compileExpression(when.if, { names: scopeNames });
  if (guard !== undefined && !isCompiled(guard)) return { fault: `if: ${guard.message}` };
  return { test: (asked) => fitOf({ when, pattern, guard }, asked) };
}

/** Whether a name is one of a pattern's, where `*` stands for any text. */
export function isLike(pattern: string, name: string): boolean {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join("[^]*")}$`).test(name);
}

function patternOf(source: string): RegExp | { readonly fault: string } {
  try {
    return new RegExp(source, "iu");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { fault: `matches: ${why}` };
  }
}

interface Ready {
  readonly when: ScriptCondition;
  readonly pattern: RegExp | undefined;
  readonly guard: Compiled | undefined;
}

function fitOf({ when, pattern, guard }: Ready, asked: Asked): Fit {
  const because = unmet(when, asked);
  if (because !== undefined) return { fits: false, because };
  const found = pattern?.exec(asked.conversation.message);
  if (found === null) return { fits: false, because: `matches: ${String(when.matches)}` };
  const match = [...(found ?? [])].map((group: string | undefined) => group ?? "");
  if (guard === undefined) return { fits: true, match };
  const result = guard.evaluate(scopeOf(asked.conversation, { ...asked.more, match }));
  if (!result.ok) return { fits: false, because: `if: ${result.problem.message}` };
  return result.value === true ? { fits: true, match } : { fits: false, because: `if: ${guard.source}` };
}

type Check = (when: ScriptCondition, asked: Asked) => boolean;

const checks: { readonly [K in keyof ScriptCondition]: Check } = {
  contains: (when, { conversation }) => holdsAll(conversation.message, when.contains),
  instructions: (when, { conversation }) => holdsAll(conversation.instructions, when.instructions),
  model: (when, { model }) => when.model === undefined || isLike(when.model, model),
  tools: (when, { conversation }) => (when.tools ?? []).every((tool) => conversation.tools.includes(tool)),
  result: (when, { conversation }) => hasResult(conversation, when.result),
  resultContains: (when, { conversation }) => {
    const text = conversation.results.map(({ output }) => JSON.stringify(output)).join("\n");
    return holdsAll(text, when.resultContains);
  },
  turn: (when, { conversation }) => when.turn === undefined || when.turn === conversation.turn,
  structured: (when, { conversation }) =>
    when.structured === undefined || when.structured === conversation.structured,
};

function unmet(when: ScriptCondition, asked: Asked): string | undefined {
  for (const [key, check] of Object.entries(checks)) {
    if (!check(when, asked)) return `${key}: ${written(Reflect.get(when, key))}`;
  }
  return undefined;
}

function written(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function hasResult(conversation: Conversation, wanted: string | boolean | undefined): boolean {
  if (wanted === undefined) return true;
  if (typeof wanted === "boolean") return wanted === conversation.results.length > 0;
  return conversation.results.some(({ tool }) => tool === wanted);
}

function holdsAll(text: string, wanted: string | readonly string[] | undefined): boolean {
  if (wanted === undefined) return true;
  const low = text.toLowerCase();
  return [wanted].flat().every((one) => low.includes(one.toLowerCase()));
}
