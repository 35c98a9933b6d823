/** Pods and templates of pods. */
import { at, isObject, listAt, objectAt, textAt } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import { containerFaults } from "./container.ts";
import { duplicate, forbidden, invalidValue, notNegative, oneOf, required, type Faults } from "./faults.ts";
import { labelSelectorFaults } from "./label-selector.ts";
import { dnsLabel, labels, qualified, subdomain } from "./names.ts";
import { userFaults } from "./users.ts";
import { volumeFaults } from "./volumes.ts";

const dnsPolicies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];

export function podSpecFaults(field: string, spec: JsonObject): Faults {
  const volumes = listAt(spec, "volumes");
  const names = new Set(volumes.map((volume) => textAt(volume, "name")));
  const containers = listAt(spec, "containers");
  const faults: Faults = [...volumeFaults(`${field}.volumes`, volumes)];
  if (containers.length === 0) faults.push(required(`${field}.containers`));
  faults.push(...namedFaults(field, spec, names));
  faults.push(...oneOf(`${field}.restartPolicy`, spec["restartPolicy"], ["Always", "OnFailure", "Never"]));
  faults.push(...oneOf(`${field}.dnsPolicy`, spec["dnsPolicy"], dnsPolicies));
  faults.push(...labels(`${field}.nodeSelector`, objectAt(spec, "nodeSelector")));
  const grace = spec["terminationGracePeriodSeconds"];
  faults.push(...notNegative(`${field}.terminationGracePeriodSeconds`, grace));
  for (const name of ["serviceAccountName", "runtimeClassName", "priorityClassName"]) {
    if (textAt(spec, name) !== "") faults.push(...subdomain(`${field}.${name}`, textAt(spec, name)));
  }
  faults.push(...userFaults(`${field}.securityContext`, objectAt(spec, "securityContext")));
  faults.push(...tolerationFaults(`${field}.tolerations`, listAt(spec, "tolerations")));
  faults.push(
    ...spreadFaults(`${field}.topologySpreadConstraints`, listAt(spec, "topologySpreadConstraints")),
  );
  for (const [index, gate] of listAt(spec, "readinessGates").entries()) {
    faults.push(
      ...qualified(`${field}.readinessGates[${index}].conditionType`, textAt(gate, "conditionType")),
    );
  }
  for (const name of ["hostname", "subdomain"]) {
    if (textAt(spec, name) !== "") faults.push(...dnsLabel(`${field}.${name}`, textAt(spec, name)));
  }
  if (spec["dnsPolicy"] === "None" && listAt(spec, "dnsConfig", "nameservers").length === 0) {
    const why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
    faults.push(required(`${field}.dnsConfig.nameservers`, why));
  }
  const deadline = spec["activeDeadlineSeconds"];
  if (typeof deadline === "number" && deadline < 1) {
    const why = "must be between 1 and 2147483647, inclusive";
    faults.push(invalidValue(`${field}.activeDeadlineSeconds`, deadline, why));
  }
  return faults;
}

function namedFaults(field: string, spec: JsonObject, volumes: ReadonlySet<string>): Faults {
  const faults: Faults = [];
  const seen = new Set<string>();
  for (const list of ["containers", "initContainers"]) {
    for (const [index, container] of listAt(spec, list).entries()) {
      const here = `${field}.${list}[${index}]`;
      const name = textAt(container, "name");
      faults.push(...dnsLabel(`${here}.name`, name));
      if (name !== "" && seen.has(name)) faults.push(duplicate(`${here}.name`, name));
      seen.add(name);
      const grace = spec["terminationGracePeriodSeconds"];
      faults.push(...containerFaults(here, isObject(container) ? container : {}, { volumes, grace }));
      if (list === "initContainers") faults.push(...firstFaults(here, container));
    }
  }
  return faults;
}

/** What comes before the others has no health, unless it stays beside them. */
function firstFaults(here: string, container: Json): Faults {
  const policy = at(container, "restartPolicy");
  if (policy === "Always") return [];
  const faults = oneOf(`${here}.restartPolicy`, policy, ["Always"]);
  for (const key of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"]) {
    const why = "may not be set for init containers without restartPolicy=Always";
    if (at(container, key) !== undefined) faults.push(forbidden(`${here}.${key}`, why));
  }
  return faults;
}

function tolerationFaults(field: string, tolerations: readonly Json[]): Faults {
  return tolerations.flatMap((one, index) => {
    const here = `${field}[${index}]`;
    const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    const effect = at(one, "effect");
    const operator = at(one, "operator");
    const faults = [
      ...oneOf(`${here}.operator`, operator, ["Equal", "Exists"]),
      ...oneOf(`${here}.effect`, effect, effects),
    ];
    if (textAt(one, "key") === "" && operator !== "Exists") {
      const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      faults.push(invalidValue(`${here}.operator`, operator ?? "", why));
    }
    return faults;
  });
}

function spreadFaults(field: string, constraints: readonly Json[]): Faults {
  const seen = new Set<string>();
  return constraints.flatMap((one, index) => {
    const here = `${field}[${index}]`;
    const pair = `{${textAt(one, "topologyKey")}, ${textAt(one, "whenUnsatisfiable")}}`;
    const skew = at(one, "maxSkew");
    const faults: Faults = [];
    if (typeof skew !== "number" || skew <= 0) {
      faults.push(invalidValue(`${here}.maxSkew`, skew ?? 0, "must be greater than zero"));
    }
    if (textAt(one, "topologyKey") === "") faults.push(required(`${here}.topologyKey`, "can not be empty"));
    if (seen.has(pair)) faults.push(duplicate(`${here}.{topologyKey, whenUnsatisfiable}`, pair));
    seen.add(pair);
    faults.push(...labelSelectorFaults(`${here}.labelSelector`, at(one, "labelSelector")));
    const when = at(one, "whenUnsatisfiable") ?? "";
    faults.push(...oneOf(`${here}.whenUnsatisfiable`, when, ["DoNotSchedule", "ScheduleAnyway"]));
    return faults;
  });
}
