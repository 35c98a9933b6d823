/** What an apply changes in an object, as lines that people read; values of secrets are never among them. */
import type { Json, JsonObject } from "@agentflow/protocol";
import { at, isObject, kindOf, type Value } from "./reading.ts";

export interface FieldChange {
  /** `spec.template.spec.containers[worker].image`. */
  readonly path: string;
  /** As JSON; absent where there was nothing. */
  readonly before?: string;
  readonly after?: string;
}

/** Both as the server has them: with its defaults, so only what differs is left. */
export function changedFields(live: JsonObject, wanted: JsonObject): readonly FieldChange[] {
  const changes: FieldChange[] = [];
  compare({ before: compared(live), after: compared(wanted), path: "" }, changes);
  return kindOf(wanted) === "Secret" ? changes.map(hidden) : changes;
}

/** Of metadata, what is the server's own business. */
const served = new Set([
  "managedFields",
  "resourceVersion",
  "generation",
  "uid",
  "creationTimestamp",
  "selfLink",
]);

function compared(object: JsonObject): JsonObject {
  const { status: _, metadata, ...rest } = object;
  const kept = isObject(metadata)
    ? Object.fromEntries(Object.entries(metadata).filter(([key]) => !served.has(key)))
    : {};
  return { ...rest, metadata: kept };
}

interface Pair {
  readonly before: Value;
  readonly after: Value;
  readonly path: string;
}

function compare({ before, after, path }: Pair, changes: FieldChange[]): void {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    for (const key of keys) {
      compare({ before: before[key], after: after[key], path: joined(path, key) }, changes);
    }
    return;
  }
  if (isList(before) && isList(after)) {
    for (const pair of pairsOf(before, after, path)) compare(pair, changes);
    return;
  }
  if (canonical(before) === canonical(after)) return;
  changes.push({
    path,
    ...(before === undefined ? {} : { before: canonical(before) }),
    ...(after === undefined ? {} : { after: canonical(after) }),
  });
}

/** Items with a name are compared by it, others by their place. */
function pairsOf(before: readonly Json[], after: readonly Json[], path: string): readonly Pair[] {
  const key = ["name", "containerPort", "mountPath", "key", "port"].find(
    (one) => isKeyed(before, one) && isKeyed(after, one),
  );
  if (key === undefined) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, n) => ({ before: before[n], after: after[n], path: `${path}[${n}]` }));
  }
  const of = (all: readonly Json[]): Map<string, Json> =>
    new Map(all.map((one) => [JSON.stringify(at(one, key) ?? null), one]));
  const [olds, news] = [of(before), of(after)];
  return [...new Set([...olds.keys(), ...news.keys()])].map((name) => ({
    before: olds.get(name),
    after: news.get(name),
    path: `${path}[${name.replaceAll('"', "")}]`,
  }));
}

function isKeyed(all: readonly Json[], key: string): boolean {
  const names = all.map((one) => (isObject(one) ? one[key] : undefined));
  const known = names.every((name) => typeof name === "string" || typeof name === "number");
  return known && new Set(names).size === names.length;
}

function isList(value: Value): value is readonly Json[] {
  return Array.isArray(value);
}

function joined(path: string, key: string): string {
  if (/[.[\]]/.test(key)) return `${path}[${key}]`;
  return path === "" ? key : `${path}.${key}`;
}

function canonical(value: Value): string {
  if (isObject(value)) {
    const entries = Object.keys(value)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
    return `{${entries.join(",")}}`;
  }
  if (isList(value)) return `[${value.map(canonical).join(",")}]`;
  return JSON.stringify(value ?? null);
}

function hidden(change: FieldChange): FieldChange {
  if (!/^(data|stringData)\b/.test(change.path)) return change;
  const { path, before, after } = change;
  return {
    path,
    ...(before === undefined ? {} : { before: "(secret)" }),
    ...(after === undefined ? {} : { after: "(secret)" }),
  };
}
