/**
 * What becomes of an object that is made, replaced, patched or applied: JSON in, an answer out. Nothing is
 * stored here, and nothing is read but the recorded schemas: time, ids and addresses are given.
 */
import { fillDefaults } from "./defaults/kinds.ts";
import {
  keyOf,
  prepareCreate,
  prepareStatus,
  prepareUpdate,
  type Gifts,
  type Nature,
} from "./defaults/prepare.ts";
import {
  copyOf,
  draftOf,
  equal,
  isDraft,
  isObject,
  listAt,
  textAt,
  within,
  withoutNulls,
  type Draft,
} from "./draft.ts";
import { entriesOf, managersOf, type Managers } from "./fields/managers.ts";
import { applyOver, ownWritten, type Change } from "./fields/own.ts";
import { refuseUntyped } from "./fields/typed.ts";
import type { Json, JsonObject, KubeObject } from "./object.ts";
import { patched, type PatchType } from "./patch/patch.ts";
import { badRequest, invalid, modified, Refusal, statusOf } from "./refusal.ts";
import {
  apiVersionOf,
  liveOrMissing,
  namedByKind,
  namedByResource,
  type Answer,
  type Ask,
} from "./request.ts";
import {
  checkName,
  checkNamespace,
  placed,
  readApplied,
  readApply,
  readObject,
  readPatched,
  shapeFor,
  withName,
} from "./reading.ts";
import { emptyOf } from "./schema/normal.ts";
import { faultsOf } from "./validate/validate.ts";

export type { Answer, Ask, Kind } from "./request.ts";
export { admittedPod } from "./defaults/admit-pod.ts";
export type { Gifts } from "./defaults/prepare.ts";
export type { PatchType } from "./patch/patch.ts";

/** POST. Whether the name is free is for the caller to look up, by the name in the answer. */
export function createObject(ask: Ask, body: Json, gifts: Gifts): Answer {
  return answered(() => {
    const { object, warnings } = readObject(ask, body);
    return created(ask, object, gifts, warnings);
  });
}

/** PUT. `live` is what stands there now. */
export function updateObject(ask: Ask, body: Json, live: JsonObject | undefined, gifts: Gifts): Answer {
  return answered(() => {
    const { object, warnings } = readObject(ask, body);
    checkName(ask, object);
    checkNamespace(ask, object);
    if (live === undefined) {
      if (!madeByUpdate.has(ask.kind.resource) || ask.subresource !== undefined) liveOrMissing(ask, live);
      return created(ask, object, gifts, warnings);
    }
    checkVersion(ask, object, live);
    return updated(ask, object, live, { gifts, warnings });
  });
}

/** PATCH, but for an apply. `text` is the body as it came. */
export function patchObject(
  ask: Ask,
  patch: { readonly type: PatchType; readonly text: string },
  live: JsonObject | undefined,
  gifts: Gifts,
): Answer {
  return answered(() => {
    const before = liveOrMissing(ask, live);
    const { object, warnings } = readPatched(ask, patched(before, patch, shapeFor(ask)));
    checkName(ask, object);
    checkNamespace(ask, object);
    checkVersion(ask, object, before);
    return updated(ask, object, before, { gifts, warnings });
  });
}

/** PATCH with `application/apply-patch+yaml`. */
export function applyObject(ask: Ask, text: string, live: JsonObject | undefined, gifts: Gifts): Answer {
  return answered(() => {
    if (ask.manager === "") throw invalid(patchOptions, [requiredManager]);
    const { object: body, warnings } = readApply(text, ask.fieldValidation);
    const config = withName(ask, withoutNulls(body));
    checkApplied(ask, config, live);
    refuseUntyped(config, shapeFor(ask), `${placed(ask)}; ${apiVersionOf(ask.kind)}, Kind=${ask.kind.kind}`);
    checkStale(ask, config, live);
    const change = changeOf(ask, live ?? {}, "Apply", gifts);
    const applied = applyOver(firstApply(ask, change, live), config, ask.force ?? false);
    const object = readApplied(ask, applied.object);
    checkNamespace(ask, object);
    fillDefaults(ask.kind.kind, ask.kind.group, object);
    if (live === undefined) return fresh(ask, object, { gifts, warnings, managers: applied.managers });
    return finished(ask, object, live, { gifts, warnings, managers: applied.managers });
  });
}

const patchOptions = { group: "meta.k8s.io", kind: "PatchOptions", name: "" };
const requiredManager = {
  reason: "FieldValueRequired",
  message: "Required value: is required for apply patch",
  field: "fieldManager",
};

/** Kinds that a PUT makes where there is none, and kinds whose PUT must say which version it stands on. */
const madeByUpdate = new Set([
  "leases",
  "services",
  "endpoints",
  "events",
  "limitranges",
  "roles",
  "rolebindings",
]);
const versionNeeded = new Set(["leases", "poddisruptionbudgets", "runtimeclasses"]);

function answered(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, status: error.status };
    throw error;
  }
}

interface Rest {
  readonly gifts: Gifts;
  readonly warnings: readonly string[];
}

function created(ask: Ask, object: Draft, gifts: Gifts, warnings: readonly string[]): Answer {
  checkNamespace(ask, object);
  nameIt(ask, object, gifts);
  fillDefaults(ask.kind.kind, ask.kind.group, object);
  delete within(object, "metadata")["managedFields"];
  const change = changeOf(ask, emptyOf(shapeFor(ask)), "Update", gifts);
  const managers = ownWritten({ ...change, managers: new Map() }, object);
  return fresh(ask, object, { gifts, warnings, managers });
}

/** So that with five letters more it is a name of 63: what does not fit goes, a hyphen at its end too. */
const generatedBytesMax = 58;

function nameIt(ask: Ask, object: Draft, gifts: Gifts): void {
  const prefix = textAt(object, "metadata", "generateName");
  if (textAt(object, "metadata", "name") !== "") return;
  if (prefix !== "") {
    within(object, "metadata")["name"] = `${prefix.slice(0, generatedBytesMax)}${gifts.suffix()}`;
    return;
  }
  const message = "Required value: name or generateName is required";
  throw invalid(namedByKind(ask, ""), [{ reason: "FieldValueRequired", message, field: "metadata.name" }]);
}

function fresh(ask: Ask, object: Draft, rest: Rest & { managers: Managers }): Answer {
  prepareCreate(natureOf(ask), object, rest.gifts);
  refuseFaults(ask, object, undefined);
  return {
    ok: true,
    code: 201,
    object: stamped(object, rest.managers),
    changed: true,
    warnings: rest.warnings,
  };
}

function natureOf(ask: Ask): Nature {
  const shape = shapeFor(ask);
  const hasStatus = shape.type === "struct" && shape.names.includes("status");
  return { key: keyOf(ask.kind.kind, ask.kind.group), hasStatus, custom: ask.kind.custom ?? false };
}

function updated(ask: Ask, object: Draft, live: JsonObject, rest: Rest): Answer {
  fillDefaults(ask.kind.kind, ask.kind.group, object);
  const sent = listAt(object, "metadata", "managedFields");
  const before = sent.length === 0 ? live : object;
  const change = { ...changeOf(ask, live, "Update", rest.gifts), managers: managersOf(before) };
  // What nobody was said to own when it was made is not tracked by writes either.
  const managers = change.managers.size === 0 ? change.managers : ownWritten(change, object);
  return finished(ask, object, live, { ...rest, managers });
}

function finished(ask: Ask, object: Draft, live: JsonObject, rest: Rest & { managers: Managers }): Answer {
  if (ask.subresource === "status") prepareStatus(object, live);
  else prepareUpdate(natureOf(ask), object, live, rest.gifts);
  const version = textAt(live, "metadata", "resourceVersion");
  if (version === "") delete within(object, "metadata")["resourceVersion"];
  else within(object, "metadata")["resourceVersion"] = version;
  if (ask.subresource !== "status") refuseFaults(ask, object, live);
  const made = stamped(object, rest.managers);
  const same = equal(timeless(made), timeless(live));
  const kept = same ? stored(live) : made;
  return { ok: true, code: 200, object: kept, changed: !same, warnings: rest.warnings };
}

function changeOf(ask: Ask, live: JsonObject, operation: "Apply" | "Update", gifts: Gifts): Change {
  const subresource = ask.subresource ?? "";
  const apiVersion = apiVersionOf(ask.kind);
  const closed = subresource === "status" ? [["f:spec"], ["f:metadata", "f:labels"]] : [["f:status"]];
  // Entries of the scale subresource have no time.
  const time = subresource === "scale" ? "" : gifts.now;
  const who = { name: ask.manager, operation, apiVersion, subresource, time };
  return { live: bare(live), shape: shapeFor(ask), managers: managersOf(live), who, closed };
}

/** What stood there before anyone applied belongs to a manager of that name. */
function firstApply(ask: Ask, change: Change, live: JsonObject | undefined): Change {
  if (live === undefined || change.managers.size > 0) return change;
  const who = { ...change.who, name: "before-first-apply", operation: "Update" as const };
  const managers = ownWritten({ ...change, live: emptyOf(shapeFor(ask)), who }, change.live);
  return { ...change, managers };
}

function bare(object: JsonObject): JsonObject {
  const made = draftOf(object);
  delete within(made, "metadata")["managedFields"];
  return made;
}

function timeless(object: JsonObject): JsonObject {
  const made = draftOf(object);
  const entries = within(made, "metadata")["managedFields"];
  for (const entry of Array.isArray(entries) ? entries : []) if (isDraft(entry)) delete entry["time"];
  return made;
}

function stamped(object: Draft, managers: Managers): KubeObject {
  const metadata = within(object, "metadata");
  const entries = entriesOf(managers);
  if (entries.length === 0) delete metadata["managedFields"];
  else metadata["managedFields"] = entries.map(copyOf);
  return stored(object);
}

function stored(object: JsonObject): KubeObject {
  const metadata = isObject(object["metadata"]) ? object["metadata"] : {};
  return {
    ...object,
    kind: textAt(object, "kind"),
    apiVersion: textAt(object, "apiVersion"),
    metadata: { ...metadata, name: textAt(metadata, "name") },
  };
}

function refuseFaults(ask: Ask, object: Draft, live: JsonObject | undefined): void {
  const causes = faultsOf(keyOf(ask.kind.kind, ask.kind.group), object, live);
  if (causes.length > 0) throw invalid(namedByKind(ask, textAt(object, "metadata", "name")), causes);
}

/** What may be wrong with a configuration before anyone looks at its fields. */
function checkApplied(ask: Ask, config: JsonObject, live: JsonObject | undefined): void {
  const version = textAt(config, "apiVersion");
  const kind = textAt(config, "kind");
  if (version !== apiVersionOf(ask.kind) || kind !== ask.kind.kind) {
    throw badRequest(`invalid object type: ${version === "" ? "/" : version}, Kind=${kind}`);
  }
  checkName(ask, config);
  const namespace = textAt(config, "metadata", "namespace");
  if (ask.kind.namespaced && namespace !== "" && namespace !== ask.namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (within(draftOf(config), "metadata")["managedFields"] !== undefined) {
    throw badRequest("metadata.managedFields must be nil");
  }
  if (live === undefined && ask.subresource !== undefined) liveOrMissing(ask, live);
}

function checkStale(ask: Ask, config: JsonObject, live: JsonObject | undefined): void {
  const version = textAt(config, "metadata", "resourceVersion");
  const uid = textAt(config, "metadata", "uid");
  const known = live ?? {};
  if (version !== "" && version !== textAt(known, "metadata", "resourceVersion")) {
    throw modified(namedByResource(ask));
  }
  if (uid === "" || uid === textAt(known, "metadata", "uid")) return;
  const message = `Invalid value: ${JSON.stringify(uid)}: field is immutable`;
  const cause = { reason: "FieldValueInvalid", message, field: "metadata.uid" };
  throw invalid(namedByKind(ask), [cause, cause]);
}

function checkVersion(ask: Ask, object: Draft, live: JsonObject): void {
  const version = textAt(object, "metadata", "resourceVersion");
  if (version === "" && versionNeeded.has(ask.kind.resource)) {
    const message = "Invalid value: 0: must be specified for an update";
    throw invalid(namedByResource(ask), [
      { reason: "FieldValueInvalid", message, field: "metadata.resourceVersion" },
    ]);
  }
  if (version !== "" && version !== textAt(live, "metadata", "resourceVersion")) {
    throw modified(namedByResource(ask));
  }
  const uid = textAt(object, "metadata", "uid");
  const known = textAt(live, "metadata", "uid");
  if (uid === "" || uid === known) return;
  const named = namedByResource(ask);
  const dotted = named.group === "" ? named.kind : `${named.kind}.${named.group}`;
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${known}`;
  const message = `Operation cannot be fulfilled on ${dotted} ${JSON.stringify(named.name)}: ${why}`;
  throw new Refusal(statusOf(409, "Conflict", message, { ...named }));
}
