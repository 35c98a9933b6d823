import {
  AgentFlowError,
  type BuildId,
  type DefinitionHash,
  type Instant,
  isId,
  type WorkflowDefinition,
} from "@agentflow/protocol";

/** One version of a workflow: where its definition and its plan lie. */
export interface VersionHead {
  readonly version: string;
  readonly definition: DefinitionHash;
  readonly plan: DefinitionHash;
  readonly registeredAt: Instant;
}

/** The row of a workflow in Table: its newest version, and the ones before it, newest first. */
export interface WorkflowHead extends VersionHead {
  readonly v: 1;
  readonly name: string;
  readonly description?: string;
  readonly steps: number;
  /** The build that new runs take, of every version; absent where no registration has named one. */
  readonly build?: BuildId;
  /** It came from a project's files, which may take it away again: the file, where that is known. */
  readonly project?: { readonly file?: string };
  /** When it was found gone from the project's files: it starts no more runs, those in flight go on. */
  readonly removedAt?: Instant;
  readonly versions: readonly VersionHead[];
}

/** Undefined for a row that this build does not know. */
export function parseHead(text: string): WorkflowHead | undefined {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof row !== "object" || row === null || !("v" in row) || row.v !== 1) return undefined;
  const head = row as WorkflowHead;
  const known =
    isId("definition", head.plan) &&
    isId("definition", head.definition) &&
    (head.build === undefined || isId("build", head.build));
  return known && isId("workflow", head.name) && Array.isArray(head.versions) ? head : undefined;
}

/** A stored definition, found under the hash of its text. */
export function parseDefinition(text: string): WorkflowDefinition {
  const definition: unknown = JSON.parse(text);
  const known = typeof definition === "object" && definition !== null && "kind" in definition;
  if (known && definition.kind === "Workflow") return definition as WorkflowDefinition;
  throw new AgentFlowError("internal", "the stored definition is none", { reason: "definition_broken" });
}
