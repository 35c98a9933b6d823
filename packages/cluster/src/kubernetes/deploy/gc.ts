/** What has served its time: workers of builds without runs, and old revisions. */
import type { JsonObject } from "@agentflow/protocol";
import { releaseNames } from "../release.ts";
import type { Pace } from "../pace.ts";
import type { Access } from "./access.ts";
import { removeObject } from "./apply.ts";
import { isOurs, readInventory, writeInventory } from "./inventory.ts";
import type { InventoryEntry } from "./parse-objects.ts";
import { labelsOf, titleOf } from "./reading.ts";
import { listRevisions, oldRevisions, removeRevisions } from "./revisions.ts";
import { kubernetesLabels, manager } from "../labels.ts";

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
    readInventory(access, releaseNames.inventory(name)),
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
    else
      objects.push(
        ...(await there(
          collecting,
          inventory.filter((entry) => entry.build === build),
        )),
      );
  }
  return { objects, revisions: oldRevisions(revisions), kept };
}

async function there(
  { access, project, target }: Collecting,
  entries: readonly InventoryEntry[],
): Promise<readonly JsonObject[]> {
  const found = await Promise.all(entries.map(async (entry) => access.get(entry)));
  return found.flatMap((one) => (one !== undefined && isOurs(one, { project, target }) ? [one] : []));
}

export async function removeGarbage(
  { access, name, project, target }: Omit<Collecting, "openRuns">,
  garbage: Garbage,
  of: { readonly pace: Pace; readonly signal: AbortSignal; readonly onRemoved: (title: string) => void },
): Promise<void> {
  for (const object of garbage.objects) {
    await removeObject({ access, pace: of.pace, signal: of.signal }, object);
    of.onRemoved(titleOf(object));
  }
  await removeRevisions(access, { release: name, numbers: garbage.revisions });
  const gone = new Set(garbage.objects.map((one) => labelsOf(one)[kubernetesLabels.build] ?? ""));
  if (gone.size === 0) return;
  const inventory = await readInventory(access, releaseNames.inventory(name));
  const entries = inventory.filter((entry) => entry.build === undefined || !gone.has(entry.build));
  const labels = {
    [kubernetesLabels.managedBy]: manager,
    [kubernetesLabels.instance]: name,
    [kubernetesLabels.project]: project,
    [kubernetesLabels.target]: target,
  };
  await writeInventory(access, { name: releaseNames.inventory(name), labels, entries });
}
