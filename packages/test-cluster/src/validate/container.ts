/** One container: what it runs, its ports, variables, mounts, resources and probes. */
import { at, isObject, listAt, objectAt, textAt } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import { parseQuantity } from "../schema/quantity.ts";
import {
  duplicate,
  forbidden,
  invalidValue,
  missing,
  notNegative,
  oneOf,
  portName,
  portNumber,
  portOrName,
  required,
  type Faults,
} from "./faults.ts";
import { userFaults } from "./users.ts";
import { fieldRefFaults } from "./volumes.ts";

/** What of its pod a container is held against. */
interface OfPod {
  readonly volumes: ReadonlySet<string>;
  readonly grace: Json | undefined;
}

export function containerFaults(field: string, container: JsonObject, { volumes, grace }: OfPod): Faults {
  const image = textAt(container, "image");
  const faults: Faults = [];
  if (image === "") faults.push(required(`${field}.image`));
  if (image !== image.trim()) {
    faults.push(invalidValue(`${field}.image`, image, "must not have leading or trailing whitespace"));
  }
  const policy = container["terminationMessagePolicy"];
  faults.push(...oneOf(`${field}.terminationMessagePolicy`, policy, ["FallbackToLogsOnError", "File"]));
  faults.push(...portFaults(`${field}.ports`, listAt(container, "ports")));
  faults.push(...variableFaults(`${field}.env`, listAt(container, "env")));
  faults.push(...sourceFaults(`${field}.envFrom`, listAt(container, "envFrom")));
  faults.push(...mountFaults(`${field}.volumeMounts`, listAt(container, "volumeMounts"), volumes));
  const pull = container["imagePullPolicy"];
  faults.push(...oneOf(`${field}.imagePullPolicy`, pull, ["Always", "IfNotPresent", "Never"]));
  faults.push(...resourceFaults(`${field}.resources`, objectAt(container, "resources")));
  faults.push(...userFaults(`${field}.securityContext`, objectAt(container, "securityContext")));
  for (const key of ["postStart", "preStop"]) {
    const handler = at(container, "lifecycle", key);
    if (handler === undefined) continue;
    faults.push(...handlerFaults(`${field}.lifecycle.${key}`, handler, hooks));
    faults.push(...sleepFaults(`${field}.lifecycle.${key}.sleep.seconds`, at(handler, "sleep"), grace));
  }
  for (const key of ["livenessProbe", "readinessProbe", "startupProbe"]) {
    const probe = container[key];
    if (isObject(probe)) faults.push(...probeFaults(`${field}.${key}`, probe, key !== "readinessProbe"));
  }
  return faults;
}

function sleepFaults(field: string, sleep: Json | undefined, grace: Json | undefined): Faults {
  const seconds = at(sleep, "seconds");
  if (typeof seconds !== "number" || typeof grace !== "number") return [];
  if (seconds >= 0 && seconds <= grace) return [];
  const why = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
  return [invalidValue(field, seconds, why)];
}

function portFaults(field: string, ports: readonly Json[]): Faults {
  const faults: Faults = [];
  const seen = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const here = `${field}[${index}]`;
    const name = textAt(port, "name");
    if (name !== "") {
      faults.push(...portName(`${here}.name`, name));
      if (seen.has(name)) faults.push(duplicate(`${here}.name`, name));
      seen.add(name);
    }
    const number = at(port, "containerPort") ?? 0;
    if (number === 0) faults.push(required(`${here}.containerPort`));
    else faults.push(...portNumber(`${here}.containerPort`, number));
    const host = at(port, "hostPort") ?? 0;
    if (host !== 0) faults.push(...portNumber(`${here}.hostPort`, host));
    faults.push(...oneOf(`${here}.protocol`, at(port, "protocol"), ["SCTP", "TCP", "UDP"]));
  }
  return faults;
}

function variableFaults(field: string, variables: readonly Json[]): Faults {
  return variables.flatMap((variable, index) => {
    const here = `${field}[${index}]`;
    const name = textAt(variable, "name");
    const from = at(variable, "valueFrom");
    const faults: Faults = [];
    if (name === "") faults.push(required(`${here}.name`));
    else if (!/^[ -<>-~]+$/.test(name)) {
      const why =
        "a valid environment variable name must consist only of printable ASCII characters other than '='";
      faults.push(invalidValue(`${here}.name`, name, why));
    }
    if (isObject(from)) {
      const kinds = Object.keys(from);
      if (textAt(variable, "value") !== "") {
        faults.push(invalidValue(`${here}.valueFrom`, "", "may not be specified when `value` is not empty"));
      } else if (kinds.length === 0) {
        const why =
          "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
        faults.push(invalidValue(`${here}.valueFrom`, "", why));
      } else if (kinds.length > 1) {
        faults.push(
          invalidValue(`${here}.valueFrom`, "", "may not have more than one field specified at a time"),
        );
      }
      const own = from["fieldRef"];
      if (own !== undefined) {
        faults.push(...fieldRefFaults(`${here}.valueFrom.fieldRef`, own, ofVariables));
      }
      for (const kind of ["configMapKeyRef", "secretKeyRef"])
        faults.push(...keyFaults(`${here}.valueFrom`, from, kind));
    }
    return faults;
  });
}

const ofVariables = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];

function keyFaults(field: string, from: JsonObject, kind: string): Faults {
  const ref = from[kind];
  if (!isObject(ref)) return [];
  const wanted = ["name", "key"].filter((key) => textAt(ref, key) === "");
  return wanted.map((key) => required(`${field}.${kind}.${key}`));
}

function sourceFaults(field: string, sources: readonly Json[]): Faults {
  return sources.flatMap((source, index) => {
    const here = `${field}[${index}]`;
    const kinds = ["configMapRef", "secretRef"].filter((kind) => at(source, kind) !== undefined);
    const [kind] = kinds;
    if (kind === undefined) {
      return [invalidValue(here, "", "must specify one of: `configMapRef` or `secretRef`")];
    }
    if (kinds.length > 1)
      return [invalidValue(here, "", "may not have more than one field specified at a time")];
    return textAt(source, kind, "name") === "" ? [required(`${here}.${kind}.name`)] : [];
  });
}

function mountFaults(field: string, mounts: readonly Json[], volumes: ReadonlySet<string>): Faults {
  const faults: Faults = [];
  const seen = new Set<string>();
  for (const [index, mount] of mounts.entries()) {
    const here = `${field}[${index}]`;
    const name = textAt(mount, "name");
    const path = textAt(mount, "mountPath");
    if (name === "") faults.push(required(`${here}.name`));
    else if (!volumes.has(name)) faults.push(missing(`${here}.name`, name));
    if (path === "") faults.push(required(`${here}.mountPath`));
    else if (path.includes(":")) faults.push(invalidValue(`${here}.mountPath`, path, "must not contain ':'"));
    else if (seen.has(path)) faults.push(invalidValue(`${here}.mountPath`, path, "must be unique"));
    seen.add(path);
  }
  return faults;
}

const standard = /^(cpu|memory|ephemeral-storage|hugepages-.+)$/;

function resourceFaults(field: string, resources: JsonObject): Faults {
  const limits = objectAt(resources, "limits");
  const requests = objectAt(resources, "requests");
  const faults: Faults = [];
  for (const [list, amounts] of [
    ["limits", limits],
    ["requests", requests],
  ] as const) {
    for (const name of Object.keys(amounts).sort()) {
      const here = `${field}.${list}[${name}]`;
      if (!standard.test(name) && !name.includes("/")) {
        const why = "must be a standard resource type or fully qualified";
        faults.push(
          invalidValue(here, name, why),
          invalidValue(here, name, "must be a standard resource for containers"),
        );
      }
      const read = parseQuantity(textAt(amounts, name));
      if (read !== undefined && read.nanos < 0n) {
        faults.push(invalidValue(here, textAt(amounts, name), "must be greater than or equal to 0"));
      }
    }
  }
  for (const name of Object.keys(requests).sort()) {
    const wanted = parseQuantity(textAt(requests, name));
    const limit = parseQuantity(textAt(limits, name));
    if (wanted === undefined || limit === undefined || wanted.nanos <= limit.nanos) continue;
    const why = `must be less than or equal to ${name} limit of ${textAt(limits, name)}`;
    faults.push(invalidValue(`${field}.requests`, textAt(requests, name), why));
  }
  return faults;
}

const hooks = ["exec", "httpGet", "tcpSocket", "sleep"];
const probes = ["exec", "httpGet", "tcpSocket", "grpc"];

function handlerFaults(field: string, handler: Json, allowed: readonly string[]): Faults {
  const kinds = allowed.filter((kind) => at(handler, kind) !== undefined);
  const faults: Faults = [];
  if (kinds.length === 0) faults.push(required(field, "must specify a handler type"));
  for (const kind of kinds.slice(1)) {
    faults.push(forbidden(`${field}.${kind}`, "may not specify more than 1 handler type"));
  }
  if (kinds.includes("exec") && listAt(handler, "exec", "command").length === 0) {
    faults.push(required(`${field}.exec.command`));
  }
  for (const kind of ["httpGet", "tcpSocket"]) {
    if (kinds.includes(kind)) faults.push(...portOrName(`${field}.${kind}.port`, at(handler, kind, "port")));
  }
  const scheme = at(handler, "httpGet", "scheme");
  faults.push(...oneOf(`${field}.httpGet.scheme`, scheme, ["HTTP", "HTTPS"]));
  return faults;
}

function probeFaults(field: string, probe: JsonObject, once: boolean): Faults {
  const faults = handlerFaults(field, probe, probes);
  for (const key of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ]) {
    faults.push(...notNegative(`${field}.${key}`, probe[key]));
  }
  const successes = probe["successThreshold"];
  if (once && typeof successes === "number" && successes !== 1) {
    faults.push(invalidValue(`${field}.successThreshold`, successes, "must be 1"));
  }
  return faults;
}
