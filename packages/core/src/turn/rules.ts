/** What a loop may do and what things cost, as its driver knows it from the loaded code. */
import type {
  AgentSpec,
  Effect,
  Instant,
  JsonSchema,
  PriceDefinition,
  TaskBudget,
} from "@agentflow/protocol";

export interface TurnRules {
  readonly run: string;
  /** The journal's step instance; sub-agents' journals are `<step>~<k>`, k counting agent calls from 0. */
  readonly step: string;
  readonly agent: string;
  readonly spec: AgentSpec;
  /** JSON Schema of the output; without one the output is `{text}`. */
  readonly output?: JsonSchema;
  /** By the name that models see. A tool that the spec does not list is not here. */
  readonly callables: ReadonlyMap<string, CallableRule>;
  /** By name under `models`; the spec's own and every fallback that can be reached. */
  readonly models: ReadonlyMap<string, ModelRule>;
  /**
   * What this journal may use up, beside the spec's own limits: the step's budget, less what journals of its
   * sub-agents have used.
   */
  readonly budget?: TaskBudget;
  /** When the step ends whatever it has done: the run's or the step's deadline. */
  readonly deadline?: Instant;
  /** SHA-256 of a text, in lower-case hex. */
  readonly hash: (text: string) => string;
}

export type CallableRule = {
  readonly description: string;
  readonly input: JsonSchema;
} & (
  | {
      readonly kind: "tool";
      /** `<file>.<export>`. */
      readonly tool: string;
      readonly effect: Effect;
      readonly approval?: "always";
      readonly expiresMs: number;
    }
  | {
      readonly kind: "agent";
      readonly agent: string;
      /** Of one that is a function: it has no journal that keeps its calls from being repeated. */
      readonly effect?: Effect;
    }
  | { readonly kind: "handoff"; readonly agent: string }
);

export interface ModelRule {
  readonly fallbacks: readonly string[];
  readonly price?: PriceDefinition;
}
