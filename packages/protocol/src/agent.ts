/** A model agent: as authored in `agents/<name>.yaml`, and as a runner describes it once it is loaded. */
import type { Json, JsonSchema } from "./json.ts";
import type { Effect, apiVersion } from "./workflow.ts";

export interface AgentDefinition {
  readonly apiVersion: typeof apiVersion;
  readonly kind: "Agent";
  readonly name: string;
  readonly description: string;
  /** A name under `models` in agentflow.yaml; `default` when left out. */
  readonly model?: string;
  /** Text, or a file below the project; both may hold `${ }` over `input` and `run`. */
  readonly instructions: string | { readonly file: string };
  /** Template of the first message; the input itself when left out. */
  readonly prompt?: string;
  readonly input?: JsonSchema;
  /** The reply is JSON by this schema; without one the output is `{text}`. */
  readonly output?: JsonSchema;
  readonly tools?: readonly (string | AgentToolDefinition)[];
  /** Agents that this one may call like tools. */
  readonly agents?: readonly string[];
  /** Agents that may take the conversation over. */
  readonly handoffs?: readonly string[];
  readonly limits?: AgentLimitsDefinition;
  readonly memory?: MemoryDefinition;
  readonly temperature?: number;
  readonly maxOutputTokens?: number;
}

export interface AgentToolDefinition {
  readonly use: string;
  /** `always`: a person is asked before each call. The tool's own `approval` cannot be taken back here. */
  readonly approval?: "always";
  /** How long an approval is waited for; then it counts as denied. */
  readonly expires?: string;
}

export interface AgentLimitsDefinition {
  readonly turns?: number;
  readonly tokens?: number;
  readonly usd?: number;
  readonly time?: string;
}

export interface MemoryDefinition {
  /** Template over `input`: whoever gives the same text goes on in the same session. */
  readonly session: string;
  /** Messages that are kept word for word. */
  readonly window?: number;
  /** What leaves the window is summed up by the model instead of being forgotten. */
  readonly summary?: boolean;
}

export const agentDefaults = {
  turns: 20,
  /** Calls of one reply that run side by side. */
  parallelCalls: 8,
  approvalExpiresMs: 24 * 3_600_000,
  memoryWindow: 20,
} as const;

/** What a `Callable` of a manifest says beyond its schemas when a model does the work. */
export interface AgentSpec {
  readonly model: string;
  /** With its variables still in it. */
  readonly instructions: string;
  readonly prompt?: string;
  readonly tools: readonly AgentTool[];
  readonly agents: readonly string[];
  readonly handoffs: readonly string[];
  readonly limits: AgentLimits;
  readonly memory?: { readonly session: string; readonly window: number; readonly summary: boolean };
  readonly temperature?: number;
  readonly maxOutputTokens?: number;
}

export interface AgentTool {
  /** `<file>.<export>`. */
  readonly tool: string;
  readonly approval?: "always";
  readonly expiresMs?: number;
}

export interface AgentLimits {
  readonly turns: number;
  readonly tokens?: number;
  readonly usd?: number;
  readonly timeMs?: number;
}

/** What is shown to whoever approves; `hash` is the SHA-256 of its canonical JSON, in lower-case hex. */
export interface Shown {
  /** `tool:mail.send`, or `human:approve` for a question of the workflow itself. */
  readonly uses: string;
  readonly effect?: Effect;
  readonly input: Json;
  /** Why it is asked, in the author's words. */
  readonly text?: string;
}
