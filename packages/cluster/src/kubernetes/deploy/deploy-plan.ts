/** What a deploy would do: asked of the cluster, nothing changed. */
import type { JsonObject } from "@agentflow/protocol";
import { conflictError } from "./conflicts.ts";
import type { Deploying, DeployPlan } from "./deploying.ts";
import { holdsData, keptBuilds, leftOver, readInventory, serves } from "./inventory.ts";
import { isOurs } from "./owned.ts";
import { plainObject } from "./parse-objects.ts";
import { type PlannedChange, planObjects } from "./plan.ts";
import { type Preflight, preflight } from "./preflight.ts";
import { secretObject } from "./secrets.ts";
import { isWorkload } from "./seen.ts";
import { isRegister } from "./stages.ts";

/** What would change; changes nothing. */
export async function planDeploy(given: Deploying): Promise<DeployPlan> {
  const deploying = { ...given, access: given.access.until(given.signal) };
  const checked = await check(deploying);
  deploying.progress.step("comparing");
  return compare(deploying, checked);
}

export interface Checked extends Preflight {
  /** The release's, as they are sent. */
  readonly objects: readonly JsonObject[];
}

/** Whether the cluster can carry the release, and whether we may. */
export async function check({ access, release, progress }: Deploying): Promise<Checked> {
  const objects = release.objects.map(plainObject);
  progress.step("asking the cluster");
  const { version, isNamespaceThere, notes } = await preflight({ access, objects });
  return { objects, version, isNamespaceThere, notes: [...release.notes, ...notes] };
}

/** With what the cluster has now. */
export async function compare(deploying: Deploying, checked: Checked): Promise<DeployPlan> {
  const { access, release, secrets, force, again = [] } = deploying;
  const { objects, isNamespaceThere } = checked;
  const inventory = isNamespaceThere ? await readInventory(access, release.name) : [];
  const secret = await secretObject({ access, release, secrets, isNamespaceThere, inventory });
  const all = [...(secret === undefined ? [] : [secret]), ...objects];
  const pruned = await prunable(deploying, inventory, all);
  const { changes, conflicts } = await planObjects({
    access,
    objects: all,
    isNamespaceThere,
    force,
    owner: release,
    inventory,
    // One of another build may have run since, in a deploy that died: ours has the last word only when it
    // runs once more.
    again: pruned.changes.some(({ object }) => isRegister(object)) ? [...again, "register"] : again,
  });
  return { ...checked, changes: [...changes, ...pruned.changes], kept: pruned.kept, conflicts, inventory };
}

/** Conflicts are one error, with all of them. */
export function refuseConflicts(deploying: Deploying, { conflicts }: DeployPlan): void {
  if (conflicts.length > 0) throw conflictError(conflicts, `af deploy ${deploying.release.target}`);
}

/** Inventory ∩ labels: what was applied, is still ours, and is no longer wanted. */
async function prunable(
  deploying: Deploying,
  inventory: DeployPlan["inventory"],
  wanted: readonly JsonObject[],
): Promise<{ readonly changes: readonly PlannedChange[]; readonly kept: DeployPlan["kept"] }> {
  const { access, release, pruneData } = deploying;
  const of = { inventory, wanted, build: release.build };
  const kept = [...keptBuilds(of)];
  const hasOthers = kept.some(isWorkload);
  const changes: PlannedChange[] = [];
  for (const entry of leftOver(of)) {
    const live = (await access.resource(entry)) === undefined ? undefined : await access.get(entry);
    if (live === undefined || !isOurs(live, release)) continue;
    if ((holdsData(live) && !pruneData) || (hasOthers && serves(live))) kept.push(entry);
    else changes.push({ change: "remove", object: live, fields: [], why: "no longer wanted" });
  }
  return { changes, kept };
}
