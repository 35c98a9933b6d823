/** JSON patch (RFC 6902). */
import { copyOf, draftOf, equal, isDraft, isObject, type Draft, type DraftValue } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import { badRequest, Refusal, statusOf } from "../refusal.ts";

export function jsonPatched(object: JsonObject, operations: readonly Json[]): Draft {
  const made = draftOf(object);
  for (const operation of operations) {
    if (!isObject(operation)) throw badRequest("error decoding patch: an operation is not an object");
    perform(made, operation);
  }
  return made;
}

/** The server says no more than this. */
function rejected(): Refusal {
  const message = "the server rejected our request due to an error in our request";
  return new Refusal(statusOf(422, "Invalid", message, {}));
}

function perform(root: Draft, operation: JsonObject): void {
  const path = pointer(operation["path"]);
  const value = operation["value"];
  switch (operation["op"]) {
    case "test":
      if (!equal(find(root, path) ?? null, value ?? null)) throw rejected();
      return;
    case "remove":
      remove(root, path);
      return;
    case "add":
      add(root, path, copyOf(given(value)));
      return;
    case "replace":
      if (find(root, path) === undefined) throw rejected();
      remove(root, path);
      add(root, path, copyOf(given(value)));
      return;
    case "copy":
    case "move": {
      const from = pointer(operation["from"]);
      const found = find(root, from);
      if (found === undefined) throw rejected();
      const carried = copyOf(found);
      if (operation["op"] === "move") remove(root, from);
      add(root, path, carried);
      return;
    }
    default:
      throw rejected();
  }
}

function given(value: Json | undefined): Json {
  if (value === undefined) throw rejected();
  return value;
}

function pointer(text: Json | undefined): readonly string[] {
  if (typeof text !== "string" || !text.startsWith("/")) throw rejected();
  return text
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function find(root: Draft, path: readonly string[]): DraftValue | undefined {
  let here: DraftValue | undefined = root;
  for (const part of path) {
    if (Array.isArray(here)) here = here[Number(part)];
    else here = isDraft(here) ? here[part] : undefined;
  }
  return here;
}

function holder(root: Draft, path: readonly string[]): Draft | DraftValue[] {
  const found = find(root, path.slice(0, -1));
  if (Array.isArray(found) || isDraft(found)) return found;
  throw rejected();
}

function remove(root: Draft, path: readonly string[]): void {
  if (find(root, path) === undefined) throw rejected();
  const last = path.at(-1) ?? "";
  const inside = holder(root, path);
  if (Array.isArray(inside)) inside.splice(Number(last), 1);
  else delete inside[last];
}

function add(root: Draft, path: readonly string[], value: DraftValue): void {
  const last = path.at(-1) ?? "";
  const inside = holder(root, path);
  if (!Array.isArray(inside)) {
    inside[last] = value;
    return;
  }
  const index = last === "-" ? inside.length : Number(last);
  if (!Number.isInteger(index) || index < 0 || index > inside.length) throw rejected();
  inside.splice(index, 0, value);
}
