/** Strategic merge patch: lists of objects merge by the key that their schema names. */
import { copyOf, draftOf, equal, isDraft, isList, isObject, type Draft, type DraftValue } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import { badRequest } from "../refusal.ts";
import { anything, below, type List, type Shape } from "../schema/shape.ts";

const order = "$setElementOrder/";
const removal = "$deleteFromPrimitiveList/";

export function strategicPatched(object: JsonObject, patch: JsonObject, shape: Shape): Draft {
  const directive = patch["$patch"];
  if (directive === "replace") return withoutDirectives(patch);
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge") {
    throw badRequest(`Unknown patch type ${JSON.stringify(directive)} in map`);
  }
  const made = draftOf(object);
  retain(made, patch["$retainKeys"]);
  for (const [key, value] of Object.entries(patch)) if (key.startsWith(removal)) drop(made, key, value);
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$")) continue;
    const inner = below(shape, key) ?? anything;
    const wanted = patch[`${order}${key}`];
    if (value === null) delete made[key];
    else made[key] = patchedValue(made[key], value, inner, wanted);
  }
  for (const [key, value] of Object.entries(patch)) {
    const name = key.slice(order.length);
    if (key.startsWith(order) && !(name in patch)) reorder(made, name, value, below(shape, name));
  }
  return made;
}

function patchedValue(
  target: DraftValue | undefined,
  patch: Json,
  shape: Shape,
  wanted: Json | undefined,
): DraftValue {
  if (isObject(patch)) return strategicPatched(isDraft(target) ? target : {}, patch, shape);
  if (!isList(patch) || shape.type !== "list" || !shape.strategies.includes("merge")) return copyOf(patch);
  const before = Array.isArray(target) ? target : [];
  const merged =
    shape.mergeKey === undefined ? union(before, patch) : mergeItems(before, patch, shape, shape.mergeKey);
  return inOrder(merged, { key: shape.mergeKey, before, wanted: isList(wanted) ? wanted : patch });
}

function union(before: readonly DraftValue[], patch: readonly Json[]): DraftValue[] {
  const added = patch.filter((one) => !before.some((known) => equal(known, one)));
  return [...before, ...added.map(copyOf)];
}

function mergeItems(
  before: readonly DraftValue[],
  patch: readonly Json[],
  shape: List,
  key: string,
): DraftValue[] {
  const items = patch.filter(isObject);
  if (items.some((item) => item["$patch"] === "replace")) {
    return items.filter((item) => item["$patch"] !== "replace").map(withoutDirectives);
  }
  const made = [...before];
  for (const item of items) {
    const id = item[key];
    if (id === undefined) {
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    }
    const index = made.findIndex((one) => isDraft(one) && equal(one[key], id));
    const known = made[index];
    if (item["$patch"] === "delete") {
      if (index >= 0) made.splice(index, 1);
    } else if (isDraft(known)) made[index] = strategicPatched(known, item, shape.items);
    else made.push(strategicPatched({}, item, shape.items));
  }
  return made;
}

interface Order {
  readonly key: string | undefined;
  readonly before: readonly Json[];
  readonly wanted: readonly Json[];
}

/** What the patch names comes in its order, and before the rest, unless it stood behind it already. */
function inOrder(items: readonly DraftValue[], { key, before, wanted }: Order): DraftValue[] {
  const idOf = (item: Json): Json => (key !== undefined && isObject(item) ? (item[key] ?? null) : item);
  const indexIn = (list: readonly Json[], item: Json): number =>
    list.findIndex((one) => equal(idOf(one), idOf(item)));
  const named = items.filter((item) => indexIn(wanted, item) >= 0);
  named.sort((one, other) => indexIn(wanted, one) - indexIn(wanted, other));
  const rest = items.filter((item) => indexIn(wanted, item) < 0);
  const made: DraftValue[] = [];
  for (const item of named) {
    const place = indexIn(before, item);
    const first = rest.findIndex((one) => place < 0 || indexIn(before, one) > place);
    made.push(...rest.splice(0, first < 0 ? rest.length : first), item);
  }
  return [...made, ...rest];
}

function reorder(made: Draft, name: string, wanted: Json, shape: Shape | undefined): void {
  const items = made[name];
  if (!Array.isArray(items) || !isList(wanted) || shape?.type !== "list") return;
  made[name] = inOrder(items, { key: shape.mergeKey, before: items, wanted });
}

function retain(made: Draft, keys: Json | undefined): void {
  if (!isList(keys)) return;
  for (const key of Object.keys(made)) if (!keys.includes(key)) delete made[key];
}

function drop(made: Draft, key: string, value: Json): void {
  const name = key.slice(removal.length);
  const items = made[name];
  if (!Array.isArray(items) || !isList(value)) return;
  made[name] = items.filter((item) => !value.some((gone) => equal(gone, item)));
}

function withoutDirectives(patch: JsonObject): Draft {
  const made = draftOf(patch);
  for (const key of Object.keys(made)) if (key.startsWith("$")) delete made[key];
  return made;
}
