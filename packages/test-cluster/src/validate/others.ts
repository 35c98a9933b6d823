/** All that makes no pods. */
import { at, equal, listAt, objectAt, textAt } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import { parseQuantity } from "../schema/quantity.ts";
import {
  countOrPart,
  duplicate,
  forbidden,
  invalidValue,
  oneOf,
  portNumber,
  portOrName,
  required,
  tooLong,
  unsupported,
  type Faults,
} from "./faults.ts";
import { labelSelectorFaults } from "./label-selector.ts";
import { configKey, dnsLabel, subdomain } from "./names.ts";
import type { Check } from "./workloads.ts";

const dataBytesMax = 1_048_576;

export const configMap: Check = (object, live) => {
  const data = objectAt(object, "data");
  const binary = objectAt(object, "binaryData");
  const faults: Faults = Object.keys(data).flatMap((key) => configKey(`data[${key}]`, key));
  for (const key of Object.keys(binary)) faults.push(...configKey(`binaryData[${key}]`, key));
  const texts = Object.keys(data).reduce((sum, key) => sum + Buffer.byteLength(textAt(data, key)), 0);
  const bytes = texts + bytesIn(binary);
  if (bytes > dataBytesMax) faults.push(tooLong("[]", dataBytesMax));
  return [...faults, ...frozenFaults(object, live, ["data", "binaryData"])];
};

/** Of values in base64. */
function bytesIn(data: JsonObject): number {
  return Object.keys(data).reduce((sum, key) => sum + Buffer.from(textAt(data, key), "base64").length, 0);
}

export const secret: Check = (object, live) => {
  const data = objectAt(object, "data");
  const faults: Faults = Object.keys(data).flatMap((key) => configKey(`data[${key}]`, key));
  if (bytesIn(data) > dataBytesMax) faults.push(tooLong("data", dataBytesMax));
  if (live !== undefined && !equal(object["type"], live["type"])) {
    faults.push(invalidValue("type", object["type"], "field is immutable"));
  }
  return [...faults, ...frozenFaults(object, live, ["data"])];
};

/** Of what says `immutable: true`. */
function frozenFaults(object: JsonObject, live: JsonObject | undefined, keys: readonly string[]): Faults {
  if (live?.["immutable"] !== true) return [];
  const why = "field is immutable when `immutable` is set";
  const faults = keys.filter((key) => !equal(object[key], live[key])).map((key) => forbidden(key, why));
  return object["immutable"] === true ? faults : [forbidden("immutable", why), ...faults];
}

const serviceTypes = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

export const service: Check = (object, live) => {
  const spec = objectAt(object, "spec");
  const ports = listAt(spec, "ports");
  const faults: Faults = [];
  const headless = spec["clusterIP"] === "None";
  if (ports.length === 0 && !headless && spec["type"] !== "ExternalName") faults.push(required("spec.ports"));
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const here = `spec.ports[${index}]`;
    const name = textAt(port, "name");
    if (name === "" && ports.length > 1) faults.push(required(`${here}.name`));
    if (name !== "") faults.push(...dnsLabel(`${here}.name`, name));
    if (name !== "" && names.has(name)) faults.push(duplicate(`${here}.name`, name));
    names.add(name);
    faults.push(...portNumber(`${here}.port`, at(port, "port") ?? 0));
    faults.push(...oneOf(`${here}.protocol`, at(port, "protocol"), ["SCTP", "TCP", "UDP"]));
    if (!headless) faults.push(...portOrName(`${here}.targetPort`, at(port, "targetPort")));
  }
  faults.push(...oneOf("spec.sessionAffinity", spec["sessionAffinity"], ["ClientIP", "None"]));
  faults.push(...oneOf("spec.type", spec["type"], serviceTypes));
  if (spec["type"] === "ExternalName")
    faults.push(...subdomain("spec.externalName", textAt(spec, "externalName")));
  const before = at(live, "spec", "clusterIP");
  if (typeof before === "string" && before !== "" && spec["clusterIP"] !== before) {
    const gone = spec["type"] === "ExternalName";
    if (!gone)
      faults.push(invalidValue("spec.clusterIPs[0]", [spec["clusterIP"] ?? ""], "may not change once set"));
  }
  return faults;
};

export const claim: Check = (object, live) => {
  const spec = objectAt(object, "spec");
  const faults: Faults = [];
  const modes = listAt(spec, "accessModes");
  if (modes.length === 0) faults.push(required("spec.accessModes", "at least 1 access mode is required"));
  const known = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
  for (const mode of modes) faults.push(...oneOf("spec.accessModes", mode, known));
  if (at(spec, "resources", "requests", "storage") === undefined) {
    faults.push(required("spec.resources[storage]"));
  }
  const [old, now] = [live, object].map((one) =>
    sizeOf(textAt(one, "spec", "resources", "requests", "storage")),
  );
  if (old !== undefined && now !== undefined && now < old) {
    faults.push(forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"));
  }
  const still = { ...spec, resources: null };
  if (live !== undefined && !equal(still, { ...objectAt(live, "spec"), resources: null })) {
    const open = "resources.requests and volumeAttributesClassName for bound claims";
    faults.push(forbidden("spec", `spec is immutable after creation except ${open}`));
  }
  return faults;
};

function sizeOf(text: string): bigint | undefined {
  return parseQuantity(text)?.nanos;
}

export const autoscaler: Check = (object) => {
  const spec = objectAt(object, "spec");
  const min = spec["minReplicas"];
  const max = spec["maxReplicas"] ?? 0;
  const faults: Faults = [];
  if (typeof min === "number" && min < 1) {
    faults.push(invalidValue("spec.minReplicas", min, "must be greater than or equal to 1"));
  }
  if (typeof max === "number" && max < 1) {
    faults.push(invalidValue("spec.maxReplicas", max, "must be greater than 0"));
  }
  if (typeof min === "number" && typeof max === "number" && max < min) {
    faults.push(invalidValue("spec.maxReplicas", max, "must be greater than or equal to `minReplicas`"));
  }
  for (const key of ["kind", "name"]) {
    if (textAt(spec, "scaleTargetRef", key) === "") faults.push(required(`spec.scaleTargetRef.${key}`));
  }
  for (const [index, metric] of listAt(spec, "metrics").entries()) {
    faults.push(...metricFaults(`spec.metrics[${index}]`, metric));
  }
  return faults;
};

function metricFaults(field: string, metric: Json): Faults {
  const known = ["ContainerResource", "External", "Object", "Pods", "Resource"];
  const faults = oneOf(`${field}.type`, at(metric, "type") ?? "", known);
  if (textAt(metric, "type") !== "Resource") return faults;
  const here = `${field}.resource`;
  const target = objectAt(metric, "resource", "target");
  if (textAt(metric, "resource", "name") === "") {
    faults.push(required(`${here}.name`, "must specify a resource name"));
  }
  if (!["AverageValue", "Utilization", "Value"].includes(textAt(target, "type"))) {
    const why = "must be either Utilization, Value, or AverageValue";
    faults.push(invalidValue(`${here}.target.type`, target["type"] ?? "", why));
  }
  const use = target["averageUtilization"];
  if (typeof use === "number" && use < 1) {
    faults.push(invalidValue(`${here}.target.averageUtilization`, use, "must be greater than 0"));
  }
  if (use === undefined && target["averageValue"] === undefined) {
    const why = "must set either a raw value or a utilization for per-pod resource metrics";
    faults.push(required(`${here}.target.averageUtilization`, why));
  }
  return faults;
}

export const disruption: Check = (object) => {
  const spec = objectAt(object, "spec");
  const faults = ["minAvailable", "maxUnavailable"].flatMap((key) => countOrPart(`spec.${key}`, spec[key]));
  faults.push(...labelSelectorFaults("spec.selector", spec["selector"]));
  if (spec["minAvailable"] === undefined || spec["maxUnavailable"] === undefined) return faults;
  return [invalidValue("spec", spec, "minAvailable and maxUnavailable cannot be both set"), ...faults];
};

export const role: Check = (object) =>
  listAt(object, "rules").flatMap((rule, index) => {
    const here = `rules[${index}]`;
    const faults: Faults = [];
    if (listAt(rule, "verbs").length === 0) {
      faults.push(required(`${here}.verbs`, "verbs must contain at least one value"));
    }
    if (listAt(rule, "nonResourceURLs").length > 0) return faults;
    if (listAt(rule, "apiGroups").length === 0) {
      faults.push(required(`${here}.apiGroups`, "resource rules must supply at least one api group"));
    }
    if (listAt(rule, "resources").length === 0) {
      faults.push(required(`${here}.resources`, "resource rules must supply at least one resource"));
    }
    return faults;
  });

export const binding: Check = (object, live) => {
  const faults: Faults = [];
  const ref = objectAt(object, "roleRef");
  if (ref["kind"] !== "Role" && ref["kind"] !== "ClusterRole") {
    faults.push(unsupported("roleRef.kind", ref["kind"], ["Role", "ClusterRole"]));
  }
  if (textAt(ref, "name") === "") faults.push(required("roleRef.name"));
  for (const [index, subject] of listAt(object, "subjects").entries()) {
    const known = ["ServiceAccount", "User", "Group"];
    faults.push(...oneOf(`subjects[${index}].kind`, at(subject, "kind") ?? "", known));
    if (textAt(subject, "name") === "") faults.push(required(`subjects[${index}].name`));
    const lost = at(subject, "kind") === "ServiceAccount" && textAt(subject, "namespace") === "";
    if (lost && object["kind"] === "ClusterRoleBinding")
      faults.push(required(`subjects[${index}].namespace`));
  }
  if (live !== undefined && !equal(ref, live["roleRef"])) {
    faults.push(invalidValue("roleRef", ref, "cannot change roleRef"));
  }
  return faults;
};

export const runtimeClass: Check = (object, live) => {
  const faults = dnsLabel("handler", textAt(object, "handler"));
  if (live !== undefined && object["handler"] !== live["handler"]) {
    faults.push(invalidValue("handler", object["handler"], "field is immutable"));
  }
  return faults;
};

export const lease: Check = (object) => {
  const seconds = at(object, "spec", "leaseDurationSeconds");
  const transitions = at(object, "spec", "leaseTransitions");
  const faults: Faults = [];
  if (typeof seconds === "number" && seconds <= 0) {
    faults.push(invalidValue("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
  }
  if (typeof transitions === "number" && transitions < 0) {
    faults.push(invalidValue("spec.leaseTransitions", transitions, "must be greater than or equal to 0"));
  }
  return faults;
};
