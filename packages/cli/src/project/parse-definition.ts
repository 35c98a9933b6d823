/** From a document's plain value to a definition, as far as it must be one to be named and handed on. */
import {
  type AgentDefinition,
  type Finding,
  type JsonObject,
  type Manifest,
  type ProjectDefinition,
  type WorkflowDefinition,
  isId,
} from "@agentflow/protocol";
import type { SchemaFault } from "@agentflow/protocol/schema";

export interface ReadDefinition {
  readonly definition?: WorkflowDefinition;
  readonly findings: readonly Finding[];
}

/** Checks that it is a workflow with a name; all else in it is for the plan's validator. */
export function readWorkflow(value: unknown): ReadDefinition {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return {
      findings: [fault("", "the file holds no workflow", "it begins with apiVersion, kind: Workflow, name")],
    };
  }
  const { kind, name } = value as { readonly kind?: unknown; readonly name?: unknown };
  if (kind !== "Workflow")
    return { findings: [fault("/kind", "kind must be Workflow", "write kind: Workflow")] };
  if (!isId("workflow", name)) {
    return {
      findings: [
        fault("/name", "name is no valid name of a workflow", "lower-case letters, digits, - and _"),
      ],
    };
  }
  return { definition: value as WorkflowDefinition, findings: [] };
}

/** Every fault of agentflow.yaml by its schema, which is loaded only for this. */
export async function projectFaults(value: unknown): Promise<Finding[]> {
  const { faultsOf, projectSchema } = await import("@agentflow/protocol/schema");
  return faultsOf(projectSchema, value).map((found) => placed("AF907", found));
}

/** Every fault of an agent's file by its schema, which is loaded only for this. */
export async function agentFaults(value: unknown): Promise<Finding[]> {
  const { agentSchema, faultsOf } = await import("@agentflow/protocol/schema");
  return faultsOf(agentSchema, value).map((found) => placed("AF909", found));
}

/** Every fault of a model's script by its schema, which is loaded only for this. */
export async function scriptFaults(value: unknown): Promise<Finding[]> {
  const { faultsOf, modelScriptSchema } = await import("@agentflow/protocol/schema");
  return faultsOf(modelScriptSchema, value).map((found) => placed("AF515", found));
}

/** Of a value that has no such faults. */
export function readAgent(value: unknown): AgentDefinition {
  return value as AgentDefinition;
}

/** `models` of agentflow.yaml, where that has no faults. */
export function readModels(value: unknown): NonNullable<Manifest["models"]> {
  const models: unknown =
    typeof value === "object" && value !== null ? Reflect.get(value, "models") : undefined;
  return (models ?? {}) as NonNullable<Manifest["models"]>;
}

/** agentflow.yaml as a whole, where it has no faults. */
export function readDefinition(value: unknown): { project: ProjectDefinition; document: JsonObject } {
  return { project: value as ProjectDefinition, document: value as JsonObject };
}

function placed(code: string, { path, message }: SchemaFault): Finding {
  const [, key] = /^unknown keys? "([^"]+)"/.exec(message) ?? [];
  const parts = key === undefined ? path : [...path, key];
  const at = path.length === 0 || key !== undefined ? "" : `${path.join(".")}: `;
  return { code, severity: "error", path: pointer(parts), message: `${at}${message}` };
}

function pointer(parts: readonly (string | number)[]): string {
  return parts.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function fault(path: string, message: string, hint: string): Finding {
  return { code: "AF908", severity: "error", path, message, hint };
}
