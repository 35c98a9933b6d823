/** defineTool and defineAgent: a function with its schemas and its declared effect. */
import type { Effect, SandboxOptions } from "@agentflow/protocol";
import type { AgentText, ModelAgent, ModelAgentOptions } from "./agent.ts";
import type { CallContext } from "./context.ts";
import type { OutputOf, Schema, InputOf } from "./schema.ts";

interface CallableBase<In extends Schema, Out extends Schema> {
  readonly description: string;
  readonly input: In;
  readonly output: Out;
  /**
   * What it does to the world. `pure` and `read` may be repeated freely; `write` is repeated under the same
   * idempotency key; `irreversible` is never repeated: when its outcome is unknown, a person is asked.
   */
  readonly effect: Effect;
  /** Longest one call may take, e.g. `30s`; a step's own timeout wins. */
  readonly timeout?: string;
  run(input: OutputOf<In>, context: CallContext): Promise<InputOf<Out>> | InputOf<Out>;
}

export type ToolOptions<In extends Schema, Out extends Schema> = CallableBase<In, Out> & {
  /** For `write`: the key under which the outside world recognises a repeat; the call id when left out. */
  idempotencyKey?(input: OutputOf<In>, call: { readonly callId: string }): string;
  /** Names of the secrets that its calls need; no others are given to them. */
  readonly secrets?: readonly string[];
  /** `always`: a person is asked before each call that a model makes. */
  readonly approval?: "always";
  /**
   * Its calls are not to be trusted, such as those that run what a model wrote: each runs in a sandbox of its
   * own, without a network, and is refused where there is none.
   */
  readonly untrusted?: true;
  /** What its sandbox is to have beyond the strict default. It makes the tool untrusted. */
  readonly sandbox?: SandboxOptions;
};

export interface Tool<In extends Schema = Schema, Out extends Schema = Schema> {
  readonly kind: "tool";
  readonly options: ToolOptions<In, Out>;
}

/** An agent written as a function. */
export interface Agent<In extends Schema = Schema, Out extends Schema = Schema> {
  readonly kind: "agent";
  readonly options: CallableBase<In, Out>;
}

/** A tool: exported from `tools/<file>.ts`, known as `<file>.<export>`. */
export function defineTool<In extends Schema, Out extends Schema>(
  options: ToolOptions<In, Out>,
): Tool<In, Out> {
  return brand({ kind: "tool", options });
}

/** An agent: the default export of `agents/<name>.ts`, known as `<name>`. With `run` it is a function. */
export function defineAgent<In extends Schema, Out extends Schema>(
  options: CallableBase<In, Out>,
): Agent<In, Out>;
/** Without `run` a model does the work, by its instructions and with the tools it may call. */
export function defineAgent<In extends Schema = Schema, Out extends Schema = Schema<AgentText>>(
  options: ModelAgentOptions<In, Out>,
): ModelAgent<In, Out>;
export function defineAgent(
  options: CallableBase<Schema, Schema> | ModelAgentOptions<Schema, Schema>,
): Agent | ModelAgent {
  if ("run" in options) return brand({ kind: "agent", options });
  return brand({ kind: "agent", model: true, options });
}

const mark = Symbol.for("agentflow.definition");

function brand<T extends object>(definition: T): T {
  Object.defineProperty(definition, mark, { value: true });
  return Object.freeze(definition);
}

/** True for what one of our define functions gave, also across copies of this package. */
export function isDefinition(value: unknown): value is { readonly kind: string } {
  return typeof value === "object" && value !== null && mark in value;
}

export { brand };
