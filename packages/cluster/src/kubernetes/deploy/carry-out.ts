/** Carries a plan out, part by part, each ready before the next begins. */
import type { JsonObject } from "@agentflow/protocol";
import { applyObject, removeObject } from "./apply.ts";
import type { Deploying, DeployPlan } from "./deploying.ts";
import { distinctEntries, entryOf, writeInventory } from "./inventory.ts";
import type { HeldLease } from "./lease.ts";
import { marksOf } from "./marks.ts";
import { ownLabels } from "./namespace.ts";
import type { PlannedChange } from "./plan.ts";
import { kindOf, titleOf } from "./reading.ts";
import { isWorkload } from "./seen.ts";
import { isRegister, stagesOf } from "./stages.ts";
import { viewOf, waitingOf, waitUntilReady } from "./wait.ts";

export interface UnderLease extends Deploying {
  readonly lease: HeldLease;
}

/** Adds to `applied` what it has done, as it does it. */
export async function carryOut(deploying: UnderLease, plan: DeployPlan, applied: string[]): Promise<void> {
  if (deploying.wait) await applyAndWait(deploying, plan, applied);
  else for (const stage of stagesIn(plan)) await applyStage(deploying, plan, { stage, applied });
  await prune(deploying, plan, { applied, isMeant: (one) => !applied.includes(titleOf(one)) });
  await rememberAll(deploying, plan);
}

async function applyAndWait(deploying: UnderLease, plan: DeployPlan, applied: string[]): Promise<void> {
  const { pace, timeoutMs, progress } = deploying;
  const view = await viewOf(deploying);
  try {
    const before = marksOf(view.seen());
    const untilMs = pace.nowMs() + timeoutMs;
    for (const stage of stagesIn(plan)) {
      for (const written of await applyStage(deploying, plan, { stage, applied })) view.wrote(written);
      const kept = new Set(
        stage.flatMap(({ change, object }) => (change === "keep" ? [titleOf(object)] : [])),
      );
      await waitUntilReady({
        ...waitingOf(deploying, view),
        objects: stage.map(({ object }) => object),
        before,
        untilMs,
        onState: (title, state) => {
          progress.object(title, state === "ready" && kept.has(title) ? "kept" : state);
        },
      });
    }
  } finally {
    await view.close();
  }
}

function stagesIn({ changes }: DeployPlan): readonly (readonly PlannedChange[])[] {
  const byObject = new Map(changes.map((one) => [one.object, one]));
  const wanted = changes.filter(({ change }) => change !== "remove").map(({ object }) => object);
  return stagesOf(wanted).map((stage) => stage.flatMap((object) => byObject.get(object) ?? []));
}

/** Answers what the cluster made of it. */
async function applyStage(
  deploying: UnderLease,
  plan: DeployPlan,
  { stage, applied }: { readonly stage: readonly PlannedChange[]; readonly applied: string[] },
): Promise<readonly JsonObject[]> {
  // The end of another one could come behind that of ours.
  if (stage.some(({ object }) => isRegister(object)))
    await prune(deploying, plan, { applied, isMeant: isRegister });
  const written: JsonObject[] = [];
  for (const one of stage) {
    const answer = await applyChange(deploying, one, applied);
    if (answer !== undefined) written.push(answer);
  }
  return written;
}

/** The answer, when something was written. */
async function applyChange(
  deploying: UnderLease,
  { change, object }: PlannedChange,
  applied: string[],
): Promise<JsonObject | undefined> {
  const { access, force, progress, signal, lease } = deploying;
  signal.throwIfAborted();
  if (change === "keep") return undefined;
  lease.check();
  progress.object(titleOf(object), change === "change" ? "changing" : "creating");
  // Who stops it while it is asked for does not learn whether it was done.
  applied.push(titleOf(object));
  try {
    if (change === "replace") await removeObject(deploying, object);
    const written = await applyObject(access, object, force);
    if (!isWorkload({ kind: kindOf(object) })) progress.object(titleOf(object), "ready");
    return written;
  } catch (error) {
    if (!signal.aborted) applied.pop();
    throw error;
  }
}

async function prune(
  deploying: UnderLease,
  { changes }: DeployPlan,
  of: { readonly applied: string[]; readonly isMeant: (object: JsonObject) => boolean },
): Promise<void> {
  for (const { change, object } of changes) {
    if (change !== "remove" || !of.isMeant(object)) continue;
    deploying.signal.throwIfAborted();
    deploying.lease.check();
    await removeObject(deploying, object);
    deploying.progress.object(titleOf(object), "removed");
    of.applied.push(titleOf(object));
  }
}

async function rememberAll({ access, release }: Deploying, plan: DeployPlan): Promise<void> {
  await writeInventory(access, {
    release: release.name,
    labels: ownLabels(release),
    entries: distinctEntries([...plan.objects.map(entryOf), ...plan.kept]),
  });
}
