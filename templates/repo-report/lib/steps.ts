/** What the tools do, as plain functions: the first two steps, which read the disk. */
import { resolve } from "node:path";
import { buildGraph } from "./graph.ts";
import { entriesOf, groupPackages } from "./groups.ts";
import { InputError } from "./input-error.ts";
import { inspectGroup, subjectOf } from "./inspect.ts";
import { isInstalled, readInstalled } from "./installed.ts";
import { packagesOf, readLockfile } from "./lockfile.ts";
import type { Group, GroupFacts, Scan } from "./shapes.ts";

/** A lockfile by its path; a relative one starts from the folder of the project. */
export interface LockfilePlace {
  readonly projectDir: string;
  readonly lockfile: string;
}

/** Reads the lockfile and splits its packages into groups that can be inspected side by side. */
export async function scanLockfile(place: LockfilePlace, signal?: AbortSignal): Promise<Scan> {
  const lockfile = await readLockfile(resolve(place.projectDir, place.lockfile), signal);
  const packages = packagesOf(lockfile);
  return {
    lockfile: place.lockfile,
    sha256: lockfile.sha256,
    lockfileVersion: lockfile.lockfileVersion,
    project: { name: lockfile.name, version: lockfile.version },
    packages: packages.length,
    names: new Set(packages.map(({ name }) => name)).size,
    workspaces: [...lockfile.entries.values()].filter(({ kind }) => kind === "workspace").length,
    installed: await isInstalled(lockfile.root),
    groups: groupPackages(lockfile),
  };
}

export interface InspectRequest extends LockfilePlace {
  /** What `scanLockfile` saw: another content is refused, or the groups would not fit together. */
  readonly sha256: string;
  readonly group: Group;
  readonly of: number;
}

/** All facts about one group, from the lockfile and from what is installed beside it. */
export async function inspectPackages(request: InspectRequest, signal?: AbortSignal): Promise<GroupFacts> {
  const lockfile = await readLockfile(resolve(request.projectDir, request.lockfile), signal);
  if (lockfile.sha256 !== request.sha256) {
    throw new InputError(
      "conflict",
      `${lockfile.file} changed while it was being read: run the report again`,
    );
  }
  const graph = buildGraph(lockfile);
  const subjects = [];
  for (const entry of entriesOf(lockfile, request.group)) {
    subjects.push(subjectOf(entry, graph, await readInstalled(lockfile.root, entry.path, signal)));
  }
  return inspectGroup({ id: request.group.id, of: request.of }, subjects, graph);
}
