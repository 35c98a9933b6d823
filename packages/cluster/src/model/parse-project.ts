/** From what YAML gave to a project, by its schema, which is loaded only for this. */
import type { Finding, JsonObject, ProjectDefinition } from "@agentflow/protocol";

export type ParsedProject =
  | { readonly project: ProjectDefinition; readonly document: JsonObject }
  | { readonly faults: readonly Pick<Finding, "path" | "message">[] };

export async function parseProject(value: unknown): Promise<ParsedProject> {
  const { faultsOf, projectSchema } = await import("@agentflow/protocol/schema");
  const faults = faultsOf(projectSchema, value);
  if (faults.length > 0) {
    return {
      faults: faults.map(({ path, message }) => {
        const [, unknownKey] = /^unknown keys? "([^"]+)"/.exec(message) ?? [];
        const at = unknownKey === undefined ? path : [...path, unknownKey];
        return { path: pointer(at), message: path.length === 0 ? message : `${path.join(".")}: ${message}` };
      }),
    };
  }
  return { project: value as ProjectDefinition, document: value as JsonObject };
}

/** A value of ours as the JSON that it would be: what is left out is left out. */
export function plainJson(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

function pointer(parts: readonly (string | number)[]): string {
  return parts.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
