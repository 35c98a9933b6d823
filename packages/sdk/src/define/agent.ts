/** An agent whose work a model does: what `defineAgent` takes when there is no `run`. */
import type { AgentDefinition, AgentLimitsDefinition, MemoryDefinition } from "@agentflow/protocol";
import type { Schema } from "./schema.ts";

/** What an agent without an `output` schema gives. */
export interface AgentText {
  readonly text: string;
}

/** The same as in `agents/<name>.yaml`, with schemas instead of JSON Schema; the file gives the name. */
export interface ModelAgentOptions<In extends Schema, Out extends Schema> {
  readonly description: string;
  /** A name under `models` in agentflow.yaml; `default` when left out. */
  readonly model?: string;
  /** Text, or a file below the project; both may hold `${ }` over `input` and `run`. */
  readonly instructions: AgentDefinition["instructions"];
  /** Template of the first message; the input itself when left out. */
  readonly prompt?: string;
  readonly input?: In;
  /** The model is held to it. Without one the output is `{ text }`. */
  readonly output?: Out;
  /** The tools that the model may call, by name (`orders.find`); no others. */
  readonly tools?: readonly AgentToolOption[];
  /** Agents that this one may call like tools. */
  readonly agents?: readonly string[];
  /** Agents that may take the conversation over. */
  readonly handoffs?: readonly string[];
  readonly limits?: AgentLimitsDefinition;
  readonly memory?: MemoryDefinition;
  readonly temperature?: number;
  readonly maxOutputTokens?: number;
}

/** A name, what `uses` gave, or either with what is said about its calls. */
export type AgentToolOption =
  | string
  | { readonly uses: string }
  | {
      readonly use: string | { readonly uses: string };
      /** `always`: a person is asked before each call. */
      readonly approval?: "always";
      /** How long an approval is waited for; then it counts as denied. */
      readonly expires?: string;
    };

export interface ModelAgent<In extends Schema = Schema, Out extends Schema = Schema> {
  readonly kind: "agent";
  readonly model: true;
  readonly options: ModelAgentOptions<In, Out>;
}
