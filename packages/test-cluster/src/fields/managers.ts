/** `metadata.managedFields`, as a map from who to what. */
import { isObject, listAt, objectAt, textAt } from "../draft.ts";
import type { JsonObject } from "../object.ts";
import { FieldSet } from "./set.ts";

export interface Manager {
  readonly name: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string;
  /** Empty when the entry has none, as those of the scale subresource. */
  readonly time: string;
  readonly fields: FieldSet;
}

export type Managers = ReadonlyMap<string, Manager>;

type Who = Pick<Manager, "name" | "operation" | "apiVersion" | "subresource">;

export function managerKey(who: Who): string {
  const version = who.operation === "Apply" ? "" : who.apiVersion;
  return JSON.stringify([who.name, who.operation, version, who.subresource]);
}

export function managersOf(object: JsonObject): Managers {
  const made = new Map<string, Manager>();
  for (const entry of listAt(object, "metadata", "managedFields")) {
    if (!isObject(entry)) continue;
    const manager: Manager = {
      name: textAt(entry, "manager"),
      operation: textAt(entry, "operation") === "Apply" ? "Apply" : "Update",
      apiVersion: textAt(entry, "apiVersion"),
      subresource: textAt(entry, "subresource"),
      time: textAt(entry, "time"),
      fields: FieldSet.fromFieldsV1(objectAt(entry, "fieldsV1")),
    };
    made.set(managerKey(manager), manager);
  }
  return made;
}

/** In the order of the server: operation, time, name, version, subresource. */
export function entriesOf(managers: Managers): JsonObject[] {
  return [...managers.values()]
    .filter((one) => !one.fields.isEmpty)
    .sort((one, other) => compareTexts(rankOf(one), rankOf(other)))
    .map((one) => ({
      manager: one.name,
      operation: one.operation,
      apiVersion: one.apiVersion,
      ...(one.time === "" ? {} : { time: one.time }),
      fieldsType: "FieldsV1",
      fieldsV1: one.fields.toFieldsV1(),
      ...(one.subresource === "" ? {} : { subresource: one.subresource }),
    }));
}

function rankOf(one: Manager): readonly string[] {
  return [one.operation, one.time, one.name, one.apiVersion, one.subresource];
}

function compareTexts(one: readonly string[], other: readonly string[]): number {
  for (const [index, text] of one.entries()) {
    const against = other[index] ?? "";
    if (text !== against) return text < against ? -1 : 1;
  }
  return 0;
}
