/** All that makes no pods. */
import { at, equal, isObject, listAt, objectAt, textAt } from "../draft.ts";
import type { JsonObject } from "../object.ts";
import {
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
  const still = { ...spec, resources: null };
  if (live !== undefined && !equal(still, { ...objectAt(live, "spec"), resources: null })) {
    const open = "resources.requests and volumeAttributesClassName for bound claims";
    faults.push(forbidden("spec", `spec is immutable after creation except ${open}`));
  }
  return faults;
};

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
  return faults;
};

export const disruption: Check = (object) => {
  const spec = objectAt(object, "spec");
  if (spec["minAvailable"] === undefined || spec["maxUnavailable"] === undefined) return [];
  return [invalidValue("spec", spec, "minAvailable and maxUnavailable cannot be both set")];
};

export const networkPolicy: Check = (object) => {
  const faults: Faults = [];
  for (const way of ["ingress", "egress"]) {
    for (const [index, rule] of listAt(object, "spec", way).entries()) {
      for (const [place, port] of listAt(rule, "ports").entries()) {
        const here = `spec.${way}[${index}].ports[${place}]`;
        faults.push(...oneOf(`${here}.protocol`, at(port, "protocol"), ["TCP", "UDP", "SCTP"]));
        if (at(port, "port") !== undefined) faults.push(...portOrName(`${here}.port`, at(port, "port")));
      }
      const peers = way === "ingress" ? "from" : "to";
      for (const [place, peer] of listAt(rule, peers).entries()) {
        const here = `spec.${way}[${index}].${peers}[${place}]`;
        const empty = !isObject(peer) || Object.keys(peer).length === 0;
        if (empty) faults.push(required(here, "must specify a peer"));
        else if (at(peer, "ipBlock") !== undefined && Object.keys(peer).length > 1) {
          faults.push(forbidden(here, "may not specify both ipBlock and another peer"));
        }
      }
    }
  }
  return faults;
};

export const ingress: Check = (object) => {
  const rules = listAt(object, "spec", "rules");
  const faults: Faults = [];
  if (rules.length === 0 && at(object, "spec", "defaultBackend") === undefined) {
    faults.push(
      invalidValue("spec", objectAt(object, "spec"), "either `defaultBackend` or `rules` must be specified"),
    );
  }
  for (const [index, rule] of rules.entries()) {
    const host = textAt(rule, "host");
    if (host !== "") faults.push(...subdomain(`spec.rules[${index}].host`, host.replace(/^\*\./, "")));
    const paths = listAt(rule, "http", "paths");
    if (at(rule, "http") !== undefined && paths.length === 0) {
      faults.push(required(`spec.rules[${index}].http.paths`));
    }
    for (const [place, one] of paths.entries()) {
      const here = `spec.rules[${index}].http.paths[${place}]`;
      const type = at(one, "pathType");
      if (type === undefined) faults.push(required(`${here}.pathType`, "pathType must be specified"));
      else faults.push(...oneOf(`${here}.pathType`, type, ["Exact", "ImplementationSpecific", "Prefix"]));
      if (type !== "ImplementationSpecific" && !textAt(one, "path").startsWith("/")) {
        faults.push(invalidValue(`${here}.path`, textAt(one, "path"), "must be an absolute path"));
      }
      if (textAt(one, "backend", "service", "name") === "" && at(one, "backend", "resource") === undefined) {
        faults.push(required(`${here}.backend.service.name`));
      }
    }
  }
  return faults;
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
