/** What was applied, kept in the cluster itself; and what of it is to go. */
import type { JsonObject } from "@agentflow/protocol";
import { kubernetesLabels } from "../labels.ts";
import { releaseNames } from "../release.ts";
import { type Access, identityOf, type ObjectName } from "./access.ts";
import { mayHold } from "./owned.ts";
import { type InventoryEntry, parseInventory } from "./parse-objects.ts";
import { kindOf, labelsOf, textAt } from "./reading.ts";

const key = "objects.json";
const kind = { apiVersion: "v1", kind: "ConfigMap" } as const;

/** Who may write ConfigMaps may have written it: only what a release can hold is read from it. */
export async function readInventory(access: Access, release: string): Promise<readonly InventoryEntry[]> {
  const found = await access.get({ ...kind, name: releaseNames.inventory(release) });
  const entries = found === undefined ? [] : parseInventory(textAt(found, "data", key));
  return entries.filter((entry) => mayHold(release, entry));
}

export async function writeInventory(
  access: Access,
  of: {
    readonly release: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly entries: readonly InventoryEntry[];
  },
): Promise<void> {
  const { release, labels, entries } = of;
  const name = releaseNames.inventory(release);
  const data = { [key]: JSON.stringify(entries.map((entry) => ({ ...entry }))) };
  await access.apply({ ...kind, metadata: { name, labels }, data }, { force: true });
}

export function entryOf(object: JsonObject): InventoryEntry {
  const build = labelsOf(object)[kubernetesLabels.build];
  return { ...identityOf(object), ...(build === undefined ? {} : { build }) };
}

export function sameEntry(a: ObjectName, b: ObjectName): boolean {
  return a.kind === b.kind && a.name === b.name && groupOf(a) === groupOf(b);
}

/** A kind's version may change with a release of af; its group does not. */
function groupOf({ apiVersion }: ObjectName): string {
  return apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
}

export interface Pruning {
  readonly inventory: readonly InventoryEntry[];
  readonly wanted: readonly JsonObject[];
  /** Of this release: objects of other builds stay until those are drained. */
  readonly build: string;
}

/** No longer wanted. Whether it is still ours is asked of the object itself, when it is looked at. */
export function leftOver(pruning: Pruning): readonly InventoryEntry[] {
  return unwanted(pruning).filter((entry) => !isOfOtherBuild(entry, pruning.build));
}

/** Kept from before, though this release does not have it: workers of other builds. */
export function keptBuilds(pruning: Pruning): readonly InventoryEntry[] {
  return unwanted(pruning).filter((entry) => isOfOtherBuild(entry, pruning.build));
}

function unwanted({ inventory, wanted }: Pruning): readonly InventoryEntry[] {
  const entries = wanted.map(entryOf);
  return inventory.filter((entry) => !entries.some((one) => sameEntry(one, entry)));
}

/** A Job of another build has done its work; what else is of it serves runs. */
export function isOfOtherBuild(entry: InventoryEntry, build: string): boolean {
  return entry.build !== undefined && entry.build !== build && entry.kind !== "Job";
}

const ofOthers = ["NetworkPolicy", "Role", "RoleBinding", "ServiceAccount", "TriggerAuthentication"];

/** Workers of older builds live by it: without their policy the tools that they run would have a network. */
export function serves(object: JsonObject): boolean {
  return ofOthers.includes(kindOf(object));
}

/** Something would be lost with it that no deploy makes again. */
export function holdsData(object: JsonObject): boolean {
  const holds = labelsOf(object)[kubernetesLabels.holds];
  const kinds = ["PersistentVolumeClaim", "Secret", "Namespace", "StatefulSet"];
  return holds === "data" || holds === "keys" || kinds.includes(kindOf(object));
}

/** Each once, where it comes first. */
export function distinctEntries(entries: readonly InventoryEntry[]): readonly InventoryEntry[] {
  const last = entries.toReversed().map((one) => [`${one.kind}/${one.name}`, one] as const);
  return [...new Map(last).values()].toReversed();
}
