import type { Callable, Effect, JsonSchema } from "@agentflow/protocol";

/** What a tool or agent says of itself, as far as a plan asks. A `Callable` of a manifest is one. */
export interface CatalogEntry {
  readonly effect: Effect;
  readonly input?: JsonSchema;
  readonly output?: JsonSchema;
  readonly timeoutMs?: number;
}

export interface Catalog {
  readonly tools: ReadonlyMap<string, CatalogEntry>;
  readonly agents: ReadonlyMap<string, CatalogEntry>;
  /** Everything that can be used is listed: what is not is an error, else a warning. */
  readonly strict: boolean;
}

export const emptyCatalog: Catalog = { tools: new Map(), agents: new Map(), strict: false };

/** The catalog of what one load of a project declares. */
export function catalogOf(
  manifest: { readonly tools: readonly Callable[]; readonly agents: readonly Callable[] },
  options: { readonly strict: boolean },
): Catalog {
  const byName = (callables: readonly Callable[]) =>
    new Map(callables.map((one) => [one.name, entryOf(one)]));
  return { tools: byName(manifest.tools), agents: byName(manifest.agents), strict: options.strict };
}

/** What a model agent without a schema of its own gives. */
const text: JsonSchema = {
  type: "object",
  properties: { text: { type: "string" } },
  required: ["text"],
  additionalProperties: false,
};

function entryOf(callable: Callable): CatalogEntry {
  const { agent, output } = callable;
  return agent === undefined || output !== undefined ? callable : { ...callable, output: text };
}
