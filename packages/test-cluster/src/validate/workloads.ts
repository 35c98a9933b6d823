/** What makes pods: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob; and the Pod itself. */
import { at, equal, isObject, listAt, objectAt, textAt } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import {
  countOrPart,
  countOrShare,
  forbidden,
  invalidValue,
  notNegative,
  oneOf,
  required,
  unsupported,
  type Faults,
} from "./faults.ts";
import { labelSelectorFaults } from "./label-selector.ts";
import { templateMetadataFaults } from "./names.ts";
import { podSpecFaults } from "./pod-spec.ts";
import { selectorMatches } from "./selector.ts";

export type Check = (object: JsonObject, live: JsonObject | undefined) => Faults;

const unmatched = "`selector` does not match template `labels`";

function selectorFaults(spec: JsonObject, named: string): Faults {
  const selector = spec["selector"];
  if (!isObject(selector)) return [required("spec.selector")];
  const empty = ["matchLabels", "matchExpressions"].every((key) => {
    const part = selector[key];
    return (
      part === undefined ||
      (isObject(part) ? Object.keys(part).length === 0 : listAt(selector, key).length === 0)
    );
  });
  if (empty) return [invalidValue("spec.selector", selector, `empty selector is invalid for ${named}`)];
  return labelSelectorFaults("spec.selector", selector);
}

function templateFaults(spec: JsonObject, restart: readonly string[]): Faults {
  const faults: Faults = [];
  const labels = at(spec, "template", "metadata", "labels");
  if (!selectorMatches(spec["selector"], labels)) {
    faults.push(invalidValue("spec.template.metadata.labels", labels, unmatched));
  }
  faults.push(...templateMetadataFaults("spec.template.metadata", objectAt(spec, "template", "metadata")));
  const template = podSpecFaults("spec.template.spec", objectAt(spec, "template", "spec"));
  const policy = textAt(spec, "template", "spec", "restartPolicy");
  const field = "spec.template.spec.restartPolicy";
  faults.push(...template);
  const said = template.some((fault) => fault.field === field);
  if (!said && !restart.includes(policy)) faults.push(unsupported(field, policy, restart));
  return faults;
}

function immutableSelector(object: JsonObject, live: JsonObject | undefined): Faults {
  const selector = at(object, "spec", "selector");
  if (live === undefined || equal(selector, at(live, "spec", "selector"))) return [];
  return [invalidValue("spec.selector", selector, "field is immutable")];
}

export const deployment: Check = (object, live) => {
  const spec = objectAt(object, "spec");
  const faults: Faults = [
    ...notNegative("spec.replicas", spec["replicas"]),
    ...selectorFaults(spec, "deployment"),
    ...templateFaults(spec, ["Always"]),
  ];
  const type = textAt(spec, "strategy", "type");
  if (type !== "Recreate" && type !== "RollingUpdate") {
    const value = { Type: type, RollingUpdate: at(spec, "strategy", "rollingUpdate") ?? null };
    faults.push(unsupported("spec.strategy", value, ["Recreate", "RollingUpdate"]));
  }
  if (type === "Recreate" && at(spec, "strategy", "rollingUpdate") !== undefined) {
    const why = "may not be specified when strategy `type` is 'Recreate'";
    faults.push(forbidden("spec.strategy.rollingUpdate", why));
  }
  const surge = at(spec, "strategy", "rollingUpdate", "maxSurge");
  const missing = at(spec, "strategy", "rollingUpdate", "maxUnavailable");
  faults.push(...countOrShare("spec.strategy.rollingUpdate.maxSurge", surge));
  faults.push(...countOrPart("spec.strategy.rollingUpdate.maxUnavailable", missing));
  if (isNone(surge) && isNone(missing)) {
    const field = "spec.strategy.rollingUpdate.maxUnavailable";
    faults.push(invalidValue(field, missing, "may not be 0 when `maxSurge` is 0"));
  }
  faults.push(...notNegative("spec.minReadySeconds", spec["minReadySeconds"]));
  faults.push(...notNegative("spec.revisionHistoryLimit", spec["revisionHistoryLimit"]));
  const deadline = spec["progressDeadlineSeconds"];
  const ready = spec["minReadySeconds"] ?? 0;
  if (typeof deadline === "number" && typeof ready === "number" && deadline <= ready) {
    faults.push(
      invalidValue("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"),
    );
  }
  return [...faults, ...immutableSelector(object, live)];
};

function isNone(value: Json | undefined): boolean {
  return value === 0 || value === "0%";
}

export const replicaSet: Check = (object, live) => {
  const spec = objectAt(object, "spec");
  return [
    ...notNegative("spec.replicas", spec["replicas"]),
    ...selectorFaults(spec, "deployment"),
    ...templateFaults(spec, ["Always"]),
    ...immutableSelector(object, live),
  ];
};

export const daemonSet: Check = (object, live) => {
  const spec = objectAt(object, "spec");
  return [
    ...selectorFaults(spec, "daemonset"),
    ...templateFaults(spec, ["Always"]),
    ...immutableSelector(object, live),
  ];
};

const openInStatefulSet = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
];

export const statefulSet: Check = (object, live) => {
  const spec = objectAt(object, "spec");
  const faults: Faults = [
    ...oneOf("spec.podManagementPolicy", spec["podManagementPolicy"], ["OrderedReady", "Parallel"]),
    ...oneOf("spec.updateStrategy", at(spec, "updateStrategy", "type"), ["OnDelete", "RollingUpdate"]),
    ...notNegative("spec.replicas", spec["replicas"]),
    ...notNegative("spec.ordinals.start", at(spec, "ordinals", "start")),
    ...selectorFaults(spec, "statefulset"),
    ...templateFaults({ ...spec, template: withClaims(spec) }, ["Always"]),
  ];
  if (live === undefined) return faults;
  const before = objectAt(live, "spec");
  const keys = new Set([...Object.keys(spec), ...Object.keys(before)]);
  const changed = [...keys].some((key) => !openInStatefulSet.includes(key) && !equal(spec[key], before[key]));
  const named = openInStatefulSet.map((key) => `'${key}'`);
  const listed = `${named.slice(0, -1).join(", ")} and ${named.at(-1) ?? ""}`;
  const why = `updates to statefulset spec for fields other than ${listed} are forbidden`;
  return changed ? [...faults, forbidden("spec", why)] : faults;
};

/** The claims of a StatefulSet are volumes of its pods. */
function withClaims(spec: JsonObject): JsonObject {
  const template = objectAt(spec, "template");
  const pod = objectAt(template, "spec");
  const claims = listAt(spec, "volumeClaimTemplates").map((claim) => ({
    name: textAt(claim, "metadata", "name"),
    persistentVolumeClaim: { claimName: textAt(claim, "metadata", "name") },
  }));
  return { ...template, spec: { ...pod, volumes: [...listAt(pod, "volumes"), ...claims] } };
}

export const workOnce: Check = (object, live) => {
  const spec = objectAt(object, "spec");
  const faults: Faults = [];
  for (const key of [
    "parallelism",
    "completions",
    "backoffLimit",
    "activeDeadlineSeconds",
    "ttlSecondsAfterFinished",
  ]) {
    faults.push(...notNegative(`spec.${key}`, spec[key]));
  }
  faults.push(...oneOf("spec.completionMode", spec["completionMode"], ["Indexed", "NonIndexed"]));
  faults.push(...markedFaults(object), ...templateFaults(spec, ["OnFailure", "Never"]));
  if (live === undefined) return faults;
  const before = objectAt(live, "spec");
  if (!equal(spec["selector"], before["selector"])) {
    faults.push(invalidValue("spec.selector", spec["selector"], "field is immutable"));
  }
  if (!equal(spec["template"], before["template"]) && before["suspend"] !== true) {
    faults.push(invalidValue("spec.template", spec["template"], "field is immutable"));
  }
  for (const key of ["completions", "completionMode", "podFailurePolicy", "backoffLimitPerIndex"]) {
    const indexed = key === "completions" && spec["completionMode"] === "Indexed";
    if (indexed || equal(spec[key], before[key])) continue;
    faults.push(invalidValue(`spec.${key}`, spec[key], "field is immutable"));
  }
  return faults;
};

/** The labels that tell the pods of a Job, unless it says that it does that itself. */
function markedFaults(object: JsonObject): Faults {
  if (at(object, "spec", "manualSelector") === true) return [];
  const labels = at(object, "spec", "template", "metadata", "labels");
  const uid = textAt(object, "metadata", "uid");
  const name = textAt(object, "metadata", "name");
  const wanted: readonly (readonly [string, string])[] = [
    ["controller-uid", uid],
    ["job-name", name],
    ["batch.kubernetes.io/controller-uid", uid],
    ["batch.kubernetes.io/job-name", name],
  ];
  const faults = wanted.flatMap(([label, value]) => {
    const field = `spec.template.metadata.labels[${label}]`;
    const found = at(labels, label);
    if (found === value) return [];
    if (found === undefined) return [required(field, `must be '${value}'`)];
    return [invalidValue(field, found, `must be '${value}'`)];
  });
  if (selectorMatches(at(object, "spec", "selector"), labels)) return faults;
  return [...faults, invalidValue("spec.template.metadata.labels", labels, unmatched)];
}

export const workAgain: Check = (object) => {
  const spec = objectAt(object, "spec");
  const schedule = textAt(spec, "schedule");
  const faults: Faults = [];
  if (schedule === "") faults.push(required("spec.schedule"));
  else if (!schedule.startsWith("@") && schedule.trim().split(/\s+/).length !== 5) {
    const found = schedule.trim().split(/\s+/).length;
    const why = `expected exactly 5 fields, found ${found}: [${schedule.trim().split(/\s+/).join(" ")}]`;
    faults.push(invalidValue("spec.schedule", schedule, why));
  }
  faults.push(...oneOf("spec.concurrencyPolicy", spec["concurrencyPolicy"], ["Allow", "Forbid", "Replace"]));
  const field = "spec.jobTemplate.spec.template.spec";
  const pod = objectAt(spec, "jobTemplate", "spec", "template", "spec");
  faults.push(...podSpecFaults(field, pod));
  const policy = textAt(pod, "restartPolicy");
  if (policy === "Always") faults.push(unsupported(`${field}.restartPolicy`, policy, ["OnFailure", "Never"]));
  return faults;
};

const podChange =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
  "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

export const pod: Check = (object, live) => {
  const spec = objectAt(object, "spec");
  const faults = podSpecFaults("spec", spec);
  if (live === undefined || equal(fixed(spec), fixed(objectAt(live, "spec")))) return faults;
  return [...faults, forbidden("spec", podChange)];
};

/** What of a pod may not change. */
function fixed(spec: JsonObject): JsonObject {
  const withoutImage = (container: Json): Json =>
    isObject(container) ? { ...container, image: "" } : container;
  return {
    ...spec,
    containers: listAt(spec, "containers").map(withoutImage),
    initContainers: listAt(spec, "initContainers").map(withoutImage),
    activeDeadlineSeconds: 0,
    tolerations: [],
  };
}
