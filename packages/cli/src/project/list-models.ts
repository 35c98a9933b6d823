/** The models of a project as `af model list` shows them: keys by the name of their reference, never more. */
import { AgentFlowError, type ModelDefinition, type PriceDefinition } from "@agentflow/protocol";
import { readModels } from "./parse-definition.ts";
import { readProject } from "./read-project.ts";

export interface ModelView {
  readonly name: string;
  readonly provider: string;
  readonly model: string;
  /** Host and port alone. */
  readonly host?: string;
  /** `secret://model-key`. */
  readonly key?: string;
  readonly fallbacks: readonly string[];
  readonly price?: PriceDefinition;
  readonly priceFrom?: "project" | "table";
  /** npm packages that are not installed; calls fail until they are. */
  readonly missing: readonly string[];
  /** A secret or a variable that its key asks for and that nobody has set; calls fail until somebody does. */
  readonly unset?: string;
  /** False: there is no such provider. */
  readonly known: boolean;
  /** What has to be written before it can be asked. */
  readonly lack?: string;
}

export interface ModelList {
  readonly items: readonly ModelView[];
  readonly pricesAt: string;
}

export async function listModels(dir: string): Promise<ModelList> {
  const project = await readProject(dir);
  const errors = project.findings.filter(
    ({ file, severity }) => file === "agentflow.yaml" && severity === "error",
  );
  if (errors.length > 0) {
    throw new AgentFlowError("invalid_project", `agentflow.yaml: ${errors[0]?.message ?? "it has faults"}`, {
      suggestions: ["af validate"],
    });
  }
  const { openModels } = await import("../local/models.ts");
  const local = await openModels(dir);
  const models = readModels(project.files.get("agentflow.yaml")?.value);
  const items = await Promise.all(
    Object.entries(models).map(async ([name, model]) => {
      const unset = await unsetOf(dir, name, model);
      const resolved = local.resolve(model);
      const missing = resolved === undefined ? [] : local.facts.missing(resolved);
      const { apiKey } = model;
      const asked = resolved && { ...resolved, ...(apiKey === undefined ? {} : { apiKey }) };
      const lack = asked === undefined ? undefined : local.facts.lack(asked);
      const price = model.price ?? (resolved === undefined ? undefined : local.priceOf(resolved));
      return viewOf(name, model, {
        ...(resolved ?? { provider: model.provider, model: model.model }),
        missing: missing ?? [],
        known: missing !== undefined,
        price,
        lack,
        unset,
      });
    }),
  );
  return { items, pricesAt: local.pricesAt };
}

async function unsetOf(dir: string, name: string, model: ModelDefinition): Promise<string | undefined> {
  const { isScriptedHere, missingHere, usesOf } = await import("../local/secrets.ts");
  if (await isScriptedHere(dir, model)) return undefined;
  const [first] = await missingHere(dir, usesOf({ [name]: model }, undefined));
  return first?.name;
}

function viewOf(
  name: string,
  { apiKey, fallbacks = [], price: own }: ModelDefinition,
  found: {
    readonly provider: string;
    readonly model: string;
    readonly baseUrl?: string;
    readonly missing: readonly string[];
    readonly known: boolean;
    readonly price: PriceDefinition | undefined;
    readonly lack: string | undefined;
    readonly unset: string | undefined;
  },
): ModelView {
  const { provider, model, missing, known, price, lack } = found;
  const host = found.baseUrl === undefined ? undefined : URL.parse(found.baseUrl)?.host;
  const priced =
    price === undefined ? {} : ({ price, priceFrom: own === undefined ? "table" : "project" } as const);
  return {
    name,
    provider,
    model,
    ...(host === undefined ? {} : { host }),
    ...(apiKey === undefined ? {} : { key: apiKey }),
    fallbacks,
    ...priced,
    missing,
    ...(found.unset === undefined ? {} : { unset: found.unset }),
    known,
    ...(lack === undefined ? {} : { lack }),
  };
}
