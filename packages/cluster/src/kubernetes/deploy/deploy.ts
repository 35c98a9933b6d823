/** Makes a cluster carry a release: what `af deploy` does, step by step. */
import { AgentFlowError } from "@agentflow/protocol";
import { releaseNames } from "../release.ts";
import { carryOut, type UnderLease } from "./carry-out.ts";
import { check, compare, refuseConflicts } from "./deploy-plan.ts";
import type { Deploying, DeployPlan, Deployed } from "./deploying.ts";
import { checkHistories, isHistoryCheckNeeded } from "./histories.ts";
import { distinctEntries, entryOf, writeInventory } from "./inventory.ts";
import { freeVersion, heldText, takeLease } from "./lease.ts";
import { makeNamespace, ownLabels } from "./namespace.ts";
import {
  isSameUnfinished,
  lastObjects,
  listRevisions,
  oldRevisions,
  removeRevisions,
  type Revision,
  settleRevision,
  writeRevision,
} from "./revisions.ts";
import { until } from "./until.ts";

/** What it throws has among its details what had been `applied`, in order. */
export async function deploy(deploying: Deploying): Promise<Deployed> {
  const applied: string[] = [];
  try {
    return await deployed(deploying, applied);
  } catch (error) {
    throw withApplied(whyStopped(deploying.signal, error), applied);
  }
}

async function deployed(deploying: Deploying, applied: string[]): Promise<Deployed> {
  const { access, release, progress, signal } = deploying;
  const leaseName = releaseNames.lease(release.name);
  const looking = { ...deploying, access: access.until(signal) };
  const checked = await check(looking);
  const free = checked.isNamespaceThere ? await freeVersion(looking.access, leaseName) : undefined;
  progress.step("comparing");
  const before = await compare(looking, checked);
  refuseConflicts(deploying, before);
  signal.throwIfAborted();
  if (!checked.isNamespaceThere) {
    await makeNamespace(access.until(signal), release);
    applied.push(`Namespace/${access.namespace}`);
    progress.object(`Namespace/${access.namespace}`, "ready");
  }
  // Renewed and given back by its own requests: those of the work end when somebody stops it.
  const taking = takeLease({
    access,
    name: leaseName,
    labels: ownLabels(release),
    holder: deploying.holder,
    pace: deploying.pace,
    signal,
    onHeld: (held) => {
      progress.step(heldText(held));
    },
    ...(deploying.leaseMs === undefined ? {} : { durationMs: deploying.leaseMs }),
  });
  const lease = await until(signal, taking).catch(async (error: unknown) => {
    void taking.then(async (late) => late.release()).catch(() => undefined);
    throw error;
  });
  const under = AbortSignal.any([signal, lease.lost]);
  try {
    const held = { ...deploying, access: access.until(under), signal: under, lease };
    // Nobody has deployed since the first look: what it saw holds.
    const isAsBefore = free !== undefined && lease.follows === free;
    const plan = isAsBefore ? before : await compare(held, { ...checked, isNamespaceThere: true });
    return await underLease(held, plan, applied);
  } catch (error) {
    throw whyStopped(under, error);
  } finally {
    await lease.release();
  }
}

async function underLease(deploying: UnderLease, plan: DeployPlan, applied: string[]): Promise<Deployed> {
  const { access, release, signal } = deploying;
  refuseConflicts(deploying, plan);
  const revisions = await listRevisions(access, release.name);
  const last = revisions.at(-1);
  const changed = plan.changes.filter(({ change }) => change !== "keep");
  const { rollbackTo } = deploying;
  const same = { release: release.name, last, objects: plan.objects, rollbackTo };
  const isSame = await isSameUnfinished(access, same);
  // A deploy of something else that failed has changed nothing that is left: still it is not this one.
  const isAnother = last !== undefined && last.outcome !== "deployed" && !isSame;
  const isNew = changed.length > 0 || last === undefined || isAnother || rollbackTo !== undefined;
  const ran = await lastObjects(access, { release: release.name, revisions });
  const good = revisions.findLast(({ outcome }) => outcome === "deployed");
  if (isHistoryCheckNeeded(plan, ran)) await checkHistories(deploying, plan, good);
  const goesOn = isNew && isSame;
  const number = isNew && !goesOn ? (last?.number ?? 0) + 1 : (last?.number ?? 1);
  signal.throwIfAborted();
  if (isNew) await beginRevision(deploying, plan, goesOn ? undefined : number);
  try {
    await carryOut(deploying, plan, applied);
    if (deploying.wait && (isNew || last?.outcome !== "deployed"))
      await settleRevision(access, { release: release.name, number, outcome: "deployed" });
    await forget(deploying, [...revisions]);
    return { applied, plan, revision: number, isChanged: isNew };
  } catch (error) {
    if (isNew && !signal.aborted) await giveUp(deploying, number);
    throw error;
  }
}

async function beginRevision(
  deploying: Deploying,
  plan: DeployPlan,
  number: number | undefined,
): Promise<void> {
  const { access, release, by, reason, rollbackTo, pace } = deploying;
  // Before anything is applied: a deploy that dies leaves nothing that the next would not find.
  const entries = [...plan.objects.map(entryOf), ...plan.kept, ...plan.inventory];
  await writeInventory(access, {
    release: release.name,
    labels: ownLabels(release),
    entries: distinctEntries(entries),
  });
  if (number === undefined) return;
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

/** The outcome is a note for people; that it cannot be written must not hide why the deploy failed. */
async function giveUp({ access, release }: Deploying, number: number): Promise<void> {
  await settleRevision(access, { release: release.name, number, outcome: "failed" }).catch(() => undefined);
}

async function forget({ access, release }: Deploying, revisions: readonly Revision[]): Promise<void> {
  // One more was made since they were listed.
  const numbers = oldRevisions(revisions, 9);
  await removeRevisions(access, { release: release.name, numbers });
}

/** A lease that was lost says why; else it was whoever called. */
function whyStopped(signal: AbortSignal, error: unknown): unknown {
  if (AgentFlowError.is(error)) return error;
  if (error instanceof Error && AgentFlowError.is(error.cause)) return error.cause;
  if (AgentFlowError.is(signal.reason)) return signal.reason;
  if (!signal.aborted) return error;
  return new AgentFlowError("refused", "the deploy was stopped", { reason: "interrupted", cause: error });
}

/** A deploy that ends early says what had been done. */
function withApplied(error: unknown, applied: readonly string[]): unknown {
  if (!AgentFlowError.is(error)) return error;
  const { code, message, reason, details, suggestions, cause } = error;
  return new AgentFlowError(code, message, { reason, details: { ...details, applied }, suggestions, cause });
}
