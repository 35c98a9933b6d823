/** What a deploy would change: asked of the cluster object by object, without changing anything. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { statusOf } from "../client/index.ts";
import type { Access } from "./access.ts";
import { identityOf, type ObjectName } from "./access.ts";
import { conflictsOf, type FieldConflict } from "./conflicts.ts";
import { changedFields, type FieldChange } from "./diff.ts";
import { sameEntry } from "./inventory.ts";
import { foreign, type Owner } from "./owned.ts";
import { conditionOf, kindOf, labelsOf, textAt, textsAt, titleOf } from "./reading.ts";
import { isReplacedWhenChanged } from "./stages.ts";
import { kubernetesLabels } from "../labels.ts";

export interface PlannedChange {
  readonly change: "create" | "change" | "replace" | "remove" | "keep";
  readonly object: JsonObject;
  readonly fields: readonly FieldChange[];
  /** Could not be asked of the cluster. */
  readonly isOffline?: boolean;
  readonly why?: string;
}

export interface Planning {
  readonly access: Access;
  readonly objects: readonly JsonObject[];
  /** Whether the namespace is there: an object cannot be tried in one that is not. */
  readonly isNamespaceThere: boolean;
  readonly force: boolean;
  /** Parts whose Jobs run once more, changed or not. */
  readonly again?: readonly string[];
  readonly owner: Owner;
  /** Applied before: still ours when somebody took our labels off. */
  readonly inventory: readonly ObjectName[];
}

export interface Planned {
  readonly changes: readonly PlannedChange[];
  readonly conflicts: readonly FieldConflict[];
}

const atOnce = 6;

/** In the order of `objects`. What the cluster refuses is one error, with all of them. */
export async function planObjects(planning: Planning): Promise<Planned> {
  const { objects } = planning;
  const changes: PlannedChange[] = [];
  const conflicts: FieldConflict[] = [];
  const refused: AgentFlowError[] = [];
  const charted: JsonObject[] = [];
  for (let first = 0; first < objects.length; first += atOnce) {
    const some = objects.slice(first, first + atOnce);
    for (const one of await Promise.all(some.map(async (object) => planOne(planning, object)))) {
      if ("conflicts" in one) conflicts.push(...one.conflicts);
      else if ("charted" in one) charted.push(one.charted);
      else if ("refused" in one) refused.push(one.refused);
      else changes.push(one);
    }
  }
  const [first] = charted;
  if (first !== undefined) throw ofHelm(first, charted.length - 1);
  const [only, ...more] = refused;
  if (only !== undefined) throw more.length === 0 ? only : several(refused);
  return { changes, conflicts };
}

type One =
  | PlannedChange
  | { readonly conflicts: readonly FieldConflict[] }
  | { readonly charted: JsonObject }
  | { readonly refused: AgentFlowError };

async function planOne(planning: Planning, object: JsonObject): Promise<One> {
  const { access, isNamespaceThere, force, again = [] } = planning;
  const create = { change: "create" as const, object, fields: [] };
  if (!isNamespaceThere) return { ...create, isOffline: true };
  const live = await access.get(identityOf(object));
  if (live !== undefined && isOfHelm(live)) return { charted: live };
  const refused = live === undefined ? undefined : refusal(live, planning);
  if (refused !== undefined) return { refused };
  try {
    if (live !== undefined && isReplacedWhenChanged(object)) {
      const why = whyReplaced(live, again);
      if (why !== undefined) return { change: "replace", object, fields: [], why };
    }
    const result = await access.apply(object, { dryRun: true, force });
    if (live === undefined) return create;
    const fields = changedFields(live, result);
    return { change: fields.length === 0 ? "keep" : "change", object, fields };
  } catch (error) {
    const conflicts = conflictsOf(error, titleOf(object));
    if (conflicts.length > 0) return { conflicts };
    if (live !== undefined && isReplacedWhenChanged(object) && isImmutable(error)) {
      return { change: "replace", object, fields: [], why: "what it runs has changed" };
    }
    // A binding cannot be tried before its Role, which is as new: a server looks what it would give.
    const isBound = kindOf(object) === "RoleBinding" && live === undefined;
    if (isBound && AgentFlowError.is(error) && error.code === "not_found") return create;
    if (AgentFlowError.is(error) && error.code !== "unavailable") return { refused: error };
    throw error;
  }
}

function refusal(live: JsonObject, { owner, inventory, force }: Planning): AgentFlowError | undefined {
  const identity = identityOf(live);
  return foreign(live, { owner, isKnown: inventory.some((one) => sameEntry(one, identity)), force });
}

function whyReplaced(live: JsonObject, again: readonly string[]): string | undefined {
  if (textAt(conditionOf(live, "Failed"), "status") === "True") return "it had failed";
  if (again.includes(labelsOf(live)[kubernetesLabels.part] ?? "")) return "it runs once more";
  if (textAt(live, "metadata", "deletionTimestamp") !== "") return "it is being removed";
  return undefined;
}

function isImmutable(error: unknown): boolean {
  return /immutable/.test(statusOf(error)?.message ?? "");
}

/** A chart and `af deploy` exclude each other on one release. */
export function isOfHelm(object: JsonObject): boolean {
  const by = labelsOf(object)[kubernetesLabels.managedBy];
  return (
    by === "Helm" || textsAt(object, "metadata", "annotations")["meta.helm.sh/release-name"] !== undefined
  );
}

function ofHelm(object: JsonObject, others: number): AgentFlowError {
  const chart = textsAt(object, "metadata", "annotations")["meta.helm.sh/release-name"];
  const by = chart === undefined ? "a chart" : `the chart's release ${chart}`;
  const title = titleOf(object);
  const whose =
    others === 0
      ? `${title} belongs to ${by}; af deploy leaves it alone`
      : `${title} and ${others} more belong to ${by}; af deploy leaves them alone`;
  return new AgentFlowError("refused", whose, {
    reason: "release_of_a_chart",
    details: { object: title, others, ...(chart === undefined ? {} : { release: chart }) },
    suggestions: [
      "upgrade it with helm, or deploy under another target or namespace",
      ...(chart === undefined ? [] : [`or end that one: helm uninstall ${chart}`]),
    ],
  });
}

function several(refused: readonly AgentFlowError[]): AgentFlowError {
  const [first] = refused;
  const messages = refused.map(({ message }) => message);
  return new AgentFlowError(
    first?.code ?? "refused",
    `${first?.message ?? ""} (and ${refused.length - 1} more)`,
    {
      reason: first?.reason ?? "cluster_invalid",
      details: { refused: messages },
      suggestions: first?.suggestions ?? [],
    },
  );
}
