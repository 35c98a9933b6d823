/** What has served its time: workers of builds without runs, and old revisions. */
import type { JsonObject } from "@agentflow/protocol";
import { releaseNames } from "../release.ts";
import type { Pace } from "../pace.ts";
import type { Access } from "./access.ts";
import { removeObject } from "./apply.ts";
import { holdsData, readInventory, writeInventory } from "./inventory.ts";
import { type DeployHolder, type Leasing, takeLease } from "./lease.ts";
import { ownLabels } from "./namespace.ts";
import { isOurs } from "./owned.ts";
import type { InventoryEntry } from "./parse-objects.ts";
import { labelsOf, titleOf } from "./reading.ts";
import { listRevisions, oldRevisions, removeRevisions } from "./revisions.ts";
import { kubernetesLabels } from "../labels.ts";

export interface Collecting {
  readonly access: Access;
  readonly name: string;
  readonly project: string;
  readonly target: string;
  /** Open runs of a build; undefined when nobody can tell. */
  readonly openRuns: (build: string) => Promise<number | undefined>;
}

export interface Garbage {
  readonly objects: readonly JsonObject[];
  readonly revisions: readonly number[];
  /** Builds that stay, and why: their open runs, or that those are not known. */
  readonly kept: readonly { readonly build: string; readonly runs?: number }[];
}

/** Changes nothing. The newest build is never among it. */
export async function findGarbage(collecting: Collecting): Promise<Garbage> {
  const { access, name, openRuns } = collecting;
  const [inventory, revisions] = await Promise.all([
    readInventory(access, name),
    listRevisions(access, name),
  ]);
  const current = revisions.at(-1)?.build;
  const builds = new Set(inventory.flatMap(({ build }) => (build === undefined ? [] : [build])));
  const kept: { build: string; runs?: number }[] = [];
  const objects: JsonObject[] = [];
  for (const build of builds) {
    if (build === current || current === undefined) continue;
    const runs = await openRuns(build);
    if (runs !== 0) kept.push({ build, ...(runs === undefined ? {} : { runs }) });
    else objects.push(...(await there(collecting, { inventory, build })));
  }
  return { objects, revisions: oldRevisions(revisions), kept };
}

/** What the objects say of themselves counts: an inventory can be written by others. */
async function there(
  { access, project, target }: Collecting,
  of: { readonly inventory: readonly InventoryEntry[]; readonly build: string },
): Promise<readonly JsonObject[]> {
  const entries = of.inventory.filter(({ build }) => build === of.build);
  const found = await Promise.all(entries.map(async (entry) => access.get(entry)));
  return found.flatMap((one) => {
    if (one === undefined || !isOurs(one, { project, target }) || holdsData(one)) return [];
    return labelsOf(one)[kubernetesLabels.build] === of.build ? [one] : [];
  });
}

export interface Removing {
  readonly holder: DeployHolder;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly leaseMs?: number;
  readonly onHeld?: Leasing["onHeld"];
  readonly onRemoved: (title: string) => void;
}

/**
 * Looks and removes while nobody deploys: a rollback to a build whose workers go would leave new runs without
 * any. Refuses as a deploy does when somebody is at it.
 */
export async function collectGarbage(collecting: Collecting, removing: Removing): Promise<Garbage> {
  const { access, name } = collecting;
  const { holder, pace, signal, leaseMs, onHeld } = removing;
  const lease = await takeLease({
    access,
    name: releaseNames.lease(name),
    labels: ownLabels(collecting),
    holder,
    pace,
    signal,
    ...(onHeld === undefined ? {} : { onHeld }),
    ...(leaseMs === undefined ? {} : { durationMs: leaseMs }),
  });
  try {
    const garbage = await findGarbage(collecting);
    lease.check();
    await remove(collecting, garbage, { ...removing, signal: AbortSignal.any([signal, lease.lost]) });
    return garbage;
  } finally {
    await lease.release();
  }
}

async function remove(
  collecting: Collecting,
  { objects, revisions }: Garbage,
  { pace, signal, onRemoved }: Removing,
): Promise<void> {
  const { access, name } = collecting;
  for (const object of objects) {
    signal.throwIfAborted();
    await removeObject({ access, pace, signal }, object);
    onRemoved(titleOf(object));
  }
  await removeRevisions(access, { release: name, numbers: revisions });
  const gone = new Set(objects.map((one) => labelsOf(one)[kubernetesLabels.build] ?? ""));
  if (gone.size === 0) return;
  const inventory = await readInventory(access, name);
  const entries = inventory.filter((entry) => entry.build === undefined || !gone.has(entry.build));
  await writeInventory(access, { release: name, labels: ownLabels(collecting), entries });
}
