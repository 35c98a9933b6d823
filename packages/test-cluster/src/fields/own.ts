/** Who owns what after a change: by applying, and by writing. */
import type { Draft } from "../draft.ts";
import type { JsonObject } from "../object.ts";
import { type Cause, conflicting } from "../refusal.ts";
import type { Shape } from "../schema/shape.ts";
import { differenceOf, fieldsOf, type Difference } from "./compare.ts";
import { managerKey, type Manager, type Managers } from "./managers.ts";
import { merged, without } from "./merge.ts";
import { shown, type Path } from "./path.ts";
import { FieldSet } from "./set.ts";

export interface Change {
  readonly live: JsonObject;
  readonly shape: Shape;
  readonly managers: Managers;
  readonly who: Omit<Manager, "fields">;
  /** Places that this door does not write, so nobody owns them through it. */
  readonly closed: readonly Path[];
}

const unowned: readonly Path[] = [
  ["f:apiVersion"],
  ["f:kind"],
  ...["name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields"].map(
    (name) => ["f:metadata", `f:${name}`],
  ),
  ["f:metadata", "f:resourceVersion"],
];

/** After a create, a PUT or a patch: the writer owns what it changed, and the others do no longer. */
export function ownWritten(change: Change, written: JsonObject): Managers {
  const key = managerKey(change.who);
  const difference = differenceIn(change, written);
  const managers = new Map(taken(change, difference, key).left);
  const gained = open(change, difference.added.union(difference.changed));
  const before = managers.get(key);
  const kept = before?.fields.minus(difference.removed) ?? FieldSet.empty;
  if (gained.isEmpty && before !== undefined) managers.set(key, { ...before, fields: kept });
  if (!gained.isEmpty) managers.set(key, { ...change.who, fields: kept.union(gained) });
  return managers;
}

export interface Applied {
  readonly object: Draft;
  readonly managers: Managers;
}

/** An apply: merges, removes what this manager alone owned and left out, refuses what others own. */
export function applyOver(change: Change, config: JsonObject, force: boolean): Applied {
  const key = managerKey(change.who);
  const before = change.managers.get(key);
  const managers = new Map(change.managers);
  const said = { ...change.who, fields: fieldsOf(config, change.shape) };
  managers.set(key, said);
  const whole = merged(change.live, config, change.shape);
  const object = pruned(whole, before?.fields ?? FieldSet.empty, managers, change.shape);
  managers.set(key, { ...said, fields: open(change, said.fields) });
  const difference = differenceIn(change, object);
  const { left, conflicts } = taken({ ...change, managers }, difference, key);
  if (!force) refuse(conflicts);
  const mine = left.get(key);
  // An apply that only moves ownership keeps the time of the entry.
  const moved = difference.added.isEmpty && difference.changed.isEmpty && difference.removed.isEmpty;
  if (mine === undefined || before === undefined || !moved) return { object, managers: left };
  return { object, managers: new Map(left).set(key, { ...mine, time: before.time }) };
}

/** What is written where this door does not write is no difference. */
function differenceIn(change: Change, after: JsonObject): Difference {
  const { added, changed, removed } = differenceOf(change.live, after, change.shape);
  const open = (fields: FieldSet): FieldSet =>
    change.closed.reduce((left, path) => left.without(path), fields);
  return { added: open(added), changed: open(changed), removed: open(removed) };
}

function open(change: Change, fields: FieldSet): FieldSet {
  return [...unowned, ...change.closed]
    .reduce((left, path) => left.without(path), fields)
    .where((path) => path.length > 1 || path[0] !== "f:metadata");
}

/** Without what the manager owned before, names no longer, and nobody else owns. */
function pruned(object: Draft, last: FieldSet, managers: Managers, shape: Shape): Draft {
  if (last.isEmpty) return object;
  const named = last.withNamedFields(shape);
  const bare = fieldsOf(without(object, named, shape), shape).withNamedFields(shape);
  const all = fieldsOf(object, shape).withNamedFields(shape);
  const sets = [...managers.values()].map((one) => one.fields);
  const owned = FieldSet.empty.union(...sets).withNamedFields(shape);
  const first = without(object, all.minus(bare.union(owned)), shape);
  const kept = fieldsOf(first, shape).withNamedFields(shape);
  return without(object, all.minus(kept).and(named), shape);
}

/** What each other manager keeps, and what it loses to the writer. */
function taken(change: Change, difference: Difference, writer: string) {
  const touched = difference.changed.union(difference.added);
  const conflicts: Manager[] = [];
  const left = new Map<string, Manager>();
  for (const [key, manager] of change.managers) {
    if (key === writer) {
      left.set(key, manager);
      continue;
    }
    const lost = manager.fields.and(touched);
    if (!lost.isEmpty) conflicts.push({ ...manager, fields: lost });
    const fields = manager.fields.minus(lost).minus(difference.removed);
    if (!fields.isEmpty) left.set(key, { ...manager, fields });
  }
  return { left, conflicts };
}

function refuse(conflicts: readonly Manager[]): void {
  const causes: Cause[] = conflicts.flatMap((manager) =>
    manager.fields.ordered().map((path) => ({
      reason: "FieldManagerConflict",
      message: `conflict with ${described(manager)}`,
      field: shown(path),
    })),
  );
  const [first] = causes;
  if (first === undefined) return;
  if (causes.length === 1) {
    throw conflicting(`Apply failed with 1 conflict: ${first.message}: ${first.field}`, causes);
  }
  const said = conflicts
    .map((manager) => ({ name: described(manager), paths: manager.fields.ordered() }))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, paths }) =>
      [`conflicts with ${name}:`, ...paths.map((path) => `- ${shown(path)}`)].join("\n"),
    );
  throw conflicting(`Apply failed with ${causes.length} conflicts: ${said.join("\n")}`, causes);
}

function described(manager: Manager): string {
  const sub = manager.subresource === "" ? "" : ` with subresource ${JSON.stringify(manager.subresource)}`;
  const name = `${JSON.stringify(manager.name)}${sub}`;
  if (manager.operation === "Apply") return name;
  return `${name} using ${manager.apiVersion}`;
}
