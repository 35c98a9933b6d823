/** What a loop begins with: instructions, memory and the first message, variables filled in. */
import type { compileTemplate, isTemplate } from "@agentflow/core/expr";
import { AgentFlowError, type Json, type Message } from "@agentflow/protocol";
import type { ModelAgent } from "./rules.ts";

/** Fills in the `${ }` of a text. Throws `invalid_input` for one that cannot be. */
export type FillIn = (text: string, scope: { readonly [name: string]: Json }) => Promise<Json>;

interface Expressions {
  compileTemplate: typeof compileTemplate;
  isTemplate: typeof isTemplate;
}

/** The expression library is loaded with the first text that holds a variable. */
export const fillInLater: FillIn = fillInBy(() => import("@agentflow/core/expr"));

export function fillInBy(load: () => Promise<Expressions> | Expressions): FillIn {
  return async (text, scope) => {
    if (!text.includes("${")) return text;
    const expressions = await load();
    const template = expressions.compileTemplate(text);
    if (!expressions.isTemplate(template)) throw cannotFill(template[0]?.message);
    const result = template.evaluate(scope);
    if (!result.ok) throw cannotFill(result.problem.message);
    return result.value;
  };
}

function cannotFill(why = "a template that cannot be read"): AgentFlowError {
  return new AgentFlowError("invalid_input", why, { reason: "template_failed" });
}

export interface Scope {
  readonly [name: string]: Json;
  readonly input: Json;
  /** What expressions of steps see of the run too, as far as a task says it. */
  readonly run: Json;
}

export async function instructionsOf(agent: ModelAgent, scope: Scope, fillIn: FillIn): Promise<string> {
  return textOf(
    await fill(agent.agent.instructions, { scope, fillIn, what: `instructions of ${agent.name}` }),
  );
}

/** The first message of the user: the prompt, or the input as it is. */
export async function promptOf(agent: ModelAgent, scope: Scope, fillIn: FillIn): Promise<string> {
  const { prompt } = agent.agent;
  if (prompt === undefined) return textOf(scope.input);
  return textOf(await fill(prompt, { scope, fillIn, what: `prompt of ${agent.name}` }));
}

export async function sessionOf(
  agent: ModelAgent,
  scope: Scope,
  fillIn: FillIn,
): Promise<string | undefined> {
  const { memory } = agent.agent;
  if (memory === undefined) return undefined;
  const text = textOf(await fill(memory.session, { scope, fillIn, what: `memory.session of ${agent.name}` }));
  return text === "" ? undefined : text;
}

export function startMessages(of: {
  readonly instructions: string;
  readonly remembered: readonly Message[];
  readonly prompt: string;
}): readonly Message[] {
  return [{ role: "system", text: of.instructions }, ...of.remembered, { role: "user", text: of.prompt }];
}

async function fill(
  text: string,
  of: { readonly scope: Scope; readonly fillIn: FillIn; readonly what: string },
): Promise<Json> {
  try {
    return await of.fillIn(text, of.scope);
  } catch (error) {
    const known = AgentFlowError.from(error, of.what);
    throw new AgentFlowError(known.code, `${of.what}: ${known.message}`, {
      reason: known.reason,
      cause: error,
    });
  }
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
