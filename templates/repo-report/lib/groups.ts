import { limits } from "./limits.ts";
import type { Entry, Lockfile } from "./lockfile.ts";
import { packagesOf } from "./lockfile.ts";
import { byText, gather, sum } from "./order.ts";
import type { Group } from "./shapes.ts";

/** Splits the packages into at most 16 groups of about equal size. All copies of one name share a group. */
export function groupPackages(lockfile: Lockfile): Group[] {
  const byName = [...gather(packagesOf(lockfile), (entry) => entry.name)].sort((a, b) => byText(a[0], b[0]));
  const total = sum(byName.map(([, copies]) => copies.length));
  const wanted = Math.min(limits.groupsMax, Math.max(1, Math.ceil(total / limits.packagesPerGroup)));
  const groups: Group[] = [];
  let done = 0;
  for (const [name, copies] of byName) {
    const current = groups.at(-1);
    const startsNew = current === undefined || done >= (total * groups.length) / wanted;
    if (startsNew) groups.push({ id: groups.length + 1, from: name, to: name, packages: copies.length });
    else groups[groups.length - 1] = { ...current, to: name, packages: current.packages + copies.length };
    done += copies.length;
  }
  return groups;
}

/** The entries of one group, sorted by name and path. */
export function entriesOf(lockfile: Lockfile, group: Pick<Group, "from" | "to">): Entry[] {
  return packagesOf(lockfile)
    .filter((entry) => byText(entry.name, group.from) >= 0 && byText(entry.name, group.to) <= 0)
    .sort((a, b) => byText(a.name, b.name) || byText(a.path, b.path));
}
