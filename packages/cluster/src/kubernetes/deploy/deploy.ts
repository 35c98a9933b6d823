/** Makes a cluster carry a release: what `af deploy` does, step by step. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { kubernetesLabels } from "../labels.ts";
import { releaseNames } from "../release.ts";
import { applyObject, removeObject } from "./apply.ts";
import { conflictError } from "./conflicts.ts";
import type { Deploying, DeployPlan, Deployed } from "./deploying.ts";
import { isHistoryCheckNeeded, checkHistories } from "./histories.ts";
import {
  entryOf,
  holdsData,
  isOurs,
  keptBuilds,
  leftOver,
  readInventory,
  writeInventory,
} from "./inventory.ts";
import { type HeldLease, takeLease } from "./lease.ts";
import { marksOf } from "./marks.ts";
import { makeNamespace, ownLabels } from "./namespace.ts";
import { plainObject } from "./parse-objects.ts";
import { type PlannedChange, planObjects } from "./plan.ts";
import { preflight } from "./preflight.ts";
import { kindOf, titleOf } from "./reading.ts";
import {
  listRevisions,
  oldRevisions,
  removeRevisions,
  type Revision,
  settleRevision,
  writeRevision,
} from "./revisions.ts";
import { secretObject } from "./secrets.ts";
import { look } from "./seen.ts";
import { stagesOf } from "./stages.ts";
import { waitUntilReady } from "./wait.ts";

/** What would change; changes nothing. */
export async function planDeploy(deploying: Deploying): Promise<DeployPlan> {
  const { access, release, progress } = deploying;
  const objects = release.objects.map(plainObject);
  progress.step("asking the cluster");
  const { version, isNamespaceThere, notes } = await preflight({ access, objects });
  progress.step("comparing");
  return planned(deploying, { objects, version, isNamespaceThere, notes: [...release.notes, ...notes] });
}

interface Checked {
  readonly objects: readonly JsonObject[];
  readonly version: string;
  readonly isNamespaceThere: boolean;
  readonly notes: readonly string[];
}

async function planned(deploying: Deploying, checked: Checked): Promise<DeployPlan> {
  const { access, release, secrets, force, again } = deploying;
  const { objects, isNamespaceThere } = checked;
  const secret = await secretObject({ access, release, secrets, isNamespaceThere });
  const all = [...(secret === undefined ? [] : [secret]), ...objects];
  const { changes, conflicts } = await planObjects({
    access,
    objects: all,
    isNamespaceThere,
    force,
    ...(again === undefined ? {} : { again }),
  });
  const inventory = isNamespaceThere ? await readInventory(access, releaseNames.inventory(release.name)) : [];
  const pruned = await prunable(deploying, inventory, all);
  return { ...checked, changes: [...changes, ...pruned.changes], kept: pruned.kept, conflicts, inventory };
}

/** Conflicts are one error, with all of them. */
export function refuseConflicts(deploying: Deploying, { conflicts }: DeployPlan): void {
  if (conflicts.length > 0) throw conflictError(conflicts, `af deploy ${deploying.release.target}`);
}

export async function deploy(deploying: Deploying): Promise<Deployed> {
  const { access, release, progress } = deploying;
  const before = await planDeploy(deploying);
  refuseConflicts(deploying, before);
  if (!before.isNamespaceThere) {
    await makeNamespace(access, release);
    progress.object(`Namespace/${access.namespace}`, "ready");
  }
  const lease = await takeLease({
    access,
    name: releaseNames.lease(release.name),
    labels: ownLabels(release),
    holder: deploying.holder,
    pace: deploying.pace,
    signal: deploying.signal,
    onWait: (holder) => {
      progress.step(`waiting to see whether ${holder} still deploys`);
    },
    ...(deploying.leaseMs === undefined ? {} : { durationMs: deploying.leaseMs }),
  });
  try {
    return await underLease(deploying, before, lease);
  } finally {
    await lease.release();
  }
}

/** What was there before the lease may have changed: it is looked at again. */
async function underLease(given: Deploying, before: DeployPlan, lease: HeldLease): Promise<Deployed> {
  const deploying = { ...given, signal: AbortSignal.any([given.signal, lease.lost]) };
  const { access, release } = deploying;
  const plan = await planned(deploying, { ...before, isNamespaceThere: true });
  refuseConflicts(deploying, plan);
  const revisions = await listRevisions(access, release.name);
  const last = revisions.at(-1);
  const changed = plan.changes.filter(({ change }) => change !== "keep");
  const isNew = changed.length > 0 || last === undefined || deploying.rollbackTo !== undefined;
  if (isHistoryCheckNeeded(plan.changes)) await checkHistories(deploying, plan);
  const number = isNew ? (last?.number ?? 0) + 1 : last.number;
  if (isNew) await beginRevision(deploying, plan, number);
  try {
    const done = await carryOut(deploying, plan);
    if (deploying.wait && (isNew || last?.outcome !== "deployed"))
      await settleRevision(access, { release: release.name, number, outcome: "deployed" });
    await forget(deploying, [...revisions]);
    return { ...done, plan, revision: number, isChanged: isNew };
  } catch (error) {
    if (isNew && !deploying.signal.aborted) await giveUp(deploying, number);
    throw error;
  }
}

async function beginRevision(deploying: Deploying, plan: DeployPlan, number: number): Promise<void> {
  const { access, release, by, reason, rollbackTo, pace } = deploying;
  // Before anything is applied: a deploy that dies leaves nothing that the next would not find.
  const entries = [...plan.objects.map(entryOf), ...plan.kept, ...plan.inventory];
  await writeInventory(access, {
    name: releaseNames.inventory(release.name),
    labels: ownLabels(release),
    entries: distinct(entries),
  });
  await writeRevision(access, {
    release: release.name,
    labels: ownLabels(release),
    number,
    objects: plan.objects,
    build: release.build,
    version: release.version,
    at: new Date(pace.nowMs()).toISOString(),
    by,
    ...(reason === undefined ? {} : { reason }),
    ...(rollbackTo === undefined ? {} : { rollbackTo }),
  });
}

function distinct<T extends { readonly kind: string; readonly name: string }>(entries: readonly T[]): T[] {
  return [
    ...new Map(entries.toReversed().map((one) => [`${one.kind}/${one.name}`, one])).values(),
  ].toReversed();
}

/** The outcome is a note for people; that it cannot be written must not hide why the deploy failed. */
async function giveUp({ access, release }: Deploying, number: number): Promise<void> {
  await settleRevision(access, { release: release.name, number, outcome: "failed" }).catch(() => undefined);
}

async function forget({ access, release }: Deploying, revisions: readonly Revision[]): Promise<void> {
  // One more was made since they were listed.
  const numbers = oldRevisions(revisions, 9);
  await removeRevisions(access, { release: release.name, numbers });
}

async function carryOut(deploying: Deploying, plan: DeployPlan): Promise<Pick<Deployed, "applied">> {
  const { access, release, pace, signal, progress, wait, timeoutMs } = deploying;
  const selector = `${kubernetesLabels.instance}=${release.name}`;
  const before = marksOf(await look(access, { selector, names: [], events: true }));
  const untilMs = pace.nowMs() + timeoutMs;
  const byTitle = new Map(plan.changes.map((one) => [titleOf(one.object), one]));
  const applied: string[] = [];
  const wanted = plan.changes.filter(({ change }) => change !== "remove").map(({ object }) => object);
  try {
    for (const stage of stagesOf(wanted)) {
      for (const object of stage) {
        signal.throwIfAborted();
        const change = byTitle.get(titleOf(object));
        if (change === undefined) continue;
        await applyChange(deploying, change);
        if (change.change !== "keep") applied.push(titleOf(object));
      }
      if (!wait) continue;
      await waitUntilReady({
        access,
        selector,
        objects: stage,
        before,
        untilMs,
        timeoutMs,
        graceMs: deploying.graceMs ?? Math.min(30_000, timeoutMs / 2),
        pace,
        signal,
        onState: (title, state) => {
          const kept = byTitle.get(title)?.change === "keep";
          progress.object(title, state === "ready" && kept ? "kept" : state);
        },
      });
    }
    await pruneAll(deploying, plan, applied);
    return { applied };
  } catch (error) {
    throw withApplied(AgentFlowError.is(error) ? error : whyStopped(signal, error), applied);
  }
}

async function applyChange(deploying: Deploying, { change, object }: PlannedChange): Promise<void> {
  const { access, force, progress } = deploying;
  if (change === "keep") return;
  progress.object(titleOf(object), "creating");
  if (change === "replace") await removeObject(deploying, object);
  await applyObject(access, object, force);
  if (kindOf(object) !== "Job" && kindOf(object) !== "Deployment" && kindOf(object) !== "StatefulSet")
    progress.object(titleOf(object), "ready");
}

async function pruneAll(deploying: Deploying, plan: DeployPlan, applied: string[]): Promise<void> {
  const { access, release, progress } = deploying;
  for (const { change, object } of plan.changes) {
    if (change !== "remove") continue;
    await removeObject(deploying, object);
    progress.object(titleOf(object), "removed");
    applied.push(titleOf(object));
  }
  await writeInventory(access, {
    name: releaseNames.inventory(release.name),
    labels: ownLabels(release),
    entries: distinct([...plan.objects.map(entryOf), ...plan.kept]),
  });
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
  const changes: PlannedChange[] = [];
  for (const entry of leftOver(of)) {
    const live = (await access.resource(entry)) === undefined ? undefined : await access.get(entry);
    if (live === undefined || !isOurs(live, release)) continue;
    if (holdsData(live) && !pruneData) kept.push(entry);
    else changes.push({ change: "remove", object: live, fields: [], why: "no longer wanted" });
  }
  return { changes, kept };
}

/** A lease that was lost says why; who pressed Ctrl-C knows. */
function whyStopped(signal: AbortSignal, error: unknown): unknown {
  const reason: unknown = signal.reason;
  return AgentFlowError.is(reason) ? reason : error;
}

/** A deploy that ends early says what had been done. */
function withApplied(error: unknown, applied: readonly string[]): unknown {
  if (!AgentFlowError.is(error)) return error;
  const { code, message, reason, details, suggestions, cause } = error;
  return new AgentFlowError(code, message, { reason, details: { ...details, applied }, suggestions, cause });
}
