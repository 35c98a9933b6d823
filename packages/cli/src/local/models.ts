/** What this machine knows of a project's models: providers, packages, prices, values of `env://`. */
import { type ModelDefinition, type PriceDefinition, parseReference } from "@agentflow/protocol";
import type { ModelFacts, Resolved } from "../project/check-models.ts";

export interface LocalModels {
  readonly facts: ModelFacts;
  /** Undefined when a reference has no value here. */
  resolve(model: ModelDefinition): Resolved | undefined;
  priceOf(model: Resolved): PriceDefinition | undefined;
  /** When the price table was put together. */
  readonly pricesAt: string;
}

export async function openModels(projectDir: string): Promise<LocalModels> {
  const [runtime, { openSecrets }] = await Promise.all([
    import("@agentflow/runtime/models"),
    import("@agentflow/host/secrets"),
  ]);
  const store = openSecrets({ projectDir, environment: process.env });
  return {
    facts: {
      providers: runtime.providers.map(({ name }) => name),
      missing(model) {
        const provider = runtime.providerOf(model);
        if (provider === undefined) return undefined;
        const name = provider.client?.package;
        return name === undefined || runtime.packageFile(name, projectDir) !== undefined ? [] : [name];
      },
      lack: (model) => runtime.lackOf(model)?.message,
    },
    resolve: (model) => resolved(model, (name) => store.variable(name)),
    priceOf: runtime.priceOf,
    pricesAt: runtime.pricesAt,
  };
}

function resolved(
  { provider, model, baseUrl }: ModelDefinition,
  variable: (name: string) => string | undefined,
): Resolved | undefined {
  const text = (written: string): string | undefined => {
    const reference = parseReference(written);
    if (reference === undefined) return written;
    if (reference.kind === "secret") return undefined;
    return variable(reference.name) ?? reference.default;
  };
  const [by, of, at] = [text(provider), text(model), baseUrl === undefined ? undefined : text(baseUrl)];
  if (by === undefined || of === undefined) return undefined;
  return { provider: by, model: of, ...(at === undefined ? {} : { baseUrl: at }) };
}
