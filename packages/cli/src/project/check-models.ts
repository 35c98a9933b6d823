/** AF507, AF512 to AF514, AF517: whether the models of agentflow.yaml can be asked. */
import { type Finding, type Json, type ModelDefinition, nearest } from "@agentflow/protocol";

/** What is known of providers beside the file; plain data of the runtime. */
export interface ModelFacts {
  readonly providers: readonly string[];
  /** Packages that this model's provider needs and that are not installed; undefined for no such provider. */
  missing(model: Resolved): readonly string[] | undefined;
  /** What has to be written before this model can be asked, and how. */
  lack(model: Resolved & Pick<ModelDefinition, "apiKey">): string | undefined;
}

/** `env://` filled in as far as this process knows. */
export interface Resolved {
  readonly provider: string;
  readonly model: string;
  readonly baseUrl?: string;
}

export type Models = { readonly [name: string]: ModelDefinition };

export function checkModels(
  models: Models,
  facts: ModelFacts,
  resolve: (model: ModelDefinition) => Resolved | undefined,
): Finding[] {
  return Object.entries(models).flatMap(([name, model]) => [
    ...fallbackFindings(name, model, models),
    ...providerFindings({ name, model, resolved: resolve(model) }, facts),
    ...optionFindings(name, model.options),
  ]);
}

function fallbackFindings(name: string, { fallbacks = [] }: ModelDefinition, models: Models): Finding[] {
  return fallbacks.flatMap((fallback, i): Finding[] => {
    if (Object.hasOwn(models, fallback) && fallback !== name) return [];
    const path = `/models/${name}/fallbacks/${i}`;
    const near = nearest(fallback, Object.keys(models));
    const meant = near === undefined ? "" : ` (did you mean ${near}?)`;
    const message =
      fallback === name
        ? `${name} cannot stand in for itself`
        : `there is no model ${JSON.stringify(fallback)}${meant}`;
    return [{ code: "AF507", severity: "error", path, message }];
  });
}

/** They reach the provider letter by letter: a reference would be sent as the text that it is. */
function optionFindings(name: string, options: Json = {}, path = `/models/${name}/options`): Finding[] {
  if (typeof options === "string" && /^(env|secret):\/\//.test(options)) {
    const message = `${options.slice(0, 80)} is sent as it stands: under options no reference is filled in`;
    return [{ code: "AF514", severity: "error", path, message, hint: "a key goes under apiKey" }];
  }
  if (typeof options !== "object" || options === null) return [];
  return Object.entries(options).flatMap(([key, inner]) => {
    return optionFindings(name, inner, `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
  });
}

interface Named {
  readonly name: string;
  readonly model: ModelDefinition;
  /** Undefined for a reference without a value here: nobody knows what it will be. */
  readonly resolved: Resolved | undefined;
}

function providerFindings({ name, model, resolved }: Named, facts: ModelFacts): Finding[] {
  if (resolved === undefined) return [];
  const { provider } = resolved;
  const path = `/models/${name}/provider`;
  const missing = facts.missing(resolved);
  if (missing === undefined) {
    const near = nearest(provider, facts.providers);
    const message = `there is no provider ${JSON.stringify(provider)}`;
    const hint = near === undefined ? `write one of ${facts.providers.join(", ")}` : `did you mean ${near}?`;
    return [{ code: "AF512", severity: "error", path, message, hint }];
  }
  const findings: Finding[] = [];
  if (missing.length > 0) {
    const message = `the package of ${provider} is not installed: calls of this model will fail`;
    const hint = `npm install ${missing.join(" ")}`;
    findings.push({ code: "AF513", severity: "warning", path, message, hint });
  }
  const { apiKey } = model;
  const lack = facts.lack({ ...resolved, ...(apiKey === undefined ? {} : { apiKey }) });
  if (lack !== undefined) {
    const [what, hint] = lack.split("; ");
    const message = `calls of this model will fail: ${what ?? lack}`;
    findings.push({
      code: "AF517",
      severity: "warning",
      path,
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  return findings;
}
