/** Volumes of a pod: each of one kind, with what that kind must say. */
import { at, isObject, listAt, textAt } from "../draft.ts";
import type { Json } from "../object.ts";
import { parseQuantity } from "../schema/quantity.ts";
import { duplicate, forbidden, invalidValue, required, unsupported, type Faults } from "./faults.ts";
import { dnsLabel } from "./names.ts";

const sources: Readonly<Record<string, string>> = {
  configMap: "name",
  secret: "secretName",
  persistentVolumeClaim: "claimName",
  hostPath: "path",
};

export function volumeFaults(field: string, volumes: readonly Json[]): Faults {
  const faults: Faults = [];
  const seen = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    const here = `${field}[${index}]`;
    const name = textAt(volume, "name");
    faults.push(...sourceFaults(here, volume), ...dnsLabel(`${here}.name`, name));
    if (name !== "" && seen.has(name)) faults.push(duplicate(`${here}.name`, name));
    seen.add(name);
  }
  return faults;
}

function sourceFaults(here: string, volume: Json): Faults {
  const kinds = isObject(volume) ? Object.keys(volume).filter((key) => key !== "name") : [];
  const faults: Faults = [];
  if (kinds.length === 0) faults.push(required(here, "must specify a volume type"));
  for (const kind of kinds.slice(1)) {
    faults.push(forbidden(`${here}.${kind}`, "may not specify more than 1 volume type"));
  }
  for (const [kind, key] of Object.entries(sources)) {
    if (kinds.includes(kind) && textAt(volume, kind, key) === "")
      faults.push(required(`${here}.${kind}.${key}`));
  }
  for (const kind of ["configMap", "secret", "downwardAPI", "projected"]) {
    faults.push(...modeFaults(`${here}.${kind}.defaultMode`, at(volume, kind, "defaultMode")));
    faults.push(...pathsFaults(`${here}.${kind}.items`, listAt(volume, kind, "items")));
  }
  const limit = textAt(volume, "emptyDir", "sizeLimit");
  if (limit !== "" && (parseQuantity(limit)?.nanos ?? 0n) < 0n) {
    const why = "SizeLimit field must be a valid resource quantity";
    faults.push(forbidden(`${here}.emptyDir.sizeLimit`, why));
  }
  for (const [index, source] of listAt(volume, "projected", "sources").entries()) {
    faults.push(...projectedFaults(`${here}.projected.sources[${index}]`, source));
  }
  return faults;
}

function projectedFaults(here: string, source: Json): Faults {
  const faults: Faults = [];
  for (const kind of ["configMap", "secret"]) {
    if (at(source, kind) === undefined) continue;
    if (textAt(source, kind, "name") === "") faults.push(required(`${here}.${kind}.name`));
    faults.push(...pathsFaults(`${here}.${kind}.items`, listAt(source, kind, "items")));
  }
  faults.push(...pathsFaults(`${here}.downwardAPI`, listAt(source, "downwardAPI", "items")));
  if (at(source, "serviceAccountToken") === undefined) return faults;
  const token = `${here}.serviceAccountToken`;
  const seconds = at(source, "serviceAccountToken", "expirationSeconds");
  if (typeof seconds === "number" && seconds < 600) {
    const why = "may not specify a duration less than 10 minutes";
    faults.push(invalidValue(`${token}.expirationSeconds`, seconds, why));
  }
  const path = textAt(source, "serviceAccountToken", "path");
  if (path === "") faults.push(required(`${token}.path`));
  return [...faults, ...relativeFaults(`${token}.path`, path)];
}

function pathsFaults(here: string, items: readonly Json[]): Faults {
  return items.flatMap((item, index) => {
    const field = `${here}[${index}]`;
    const path = textAt(item, "path");
    const faults: Faults = [];
    if (path === "") faults.push(required(`${field}.path`));
    faults.push(...relativeFaults(`${field}.path`, path));
    faults.push(...modeFaults(`${field}.mode`, at(item, "mode")));
    const from = at(item, "fieldRef");
    if (from !== undefined) faults.push(...fieldRefFaults(`${field}.fieldRef`, from, ofVolumes));
    return faults;
  });
}

function modeFaults(field: string, mode: Json | undefined): Faults {
  if (typeof mode !== "number" || (mode >= 0 && mode <= 0o777)) return [];
  const why = "must be a number between 0 and 0777 (octal), both inclusive";
  return [invalidValue(field, mode, why)];
}

function relativeFaults(field: string, path: string): Faults {
  const faults: Faults = [];
  if (path.startsWith("/")) faults.push(invalidValue(field, path, "must be a relative path"));
  if (path.split("/").includes("..")) faults.push(invalidValue(field, path, "must not contain '..'"));
  return faults;
}

const ofVolumes = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
];

/** Fields of a pod that it may be told of itself. */
export function fieldRefFaults(field: string, ref: Json, supported: readonly string[]): Faults {
  const path = textAt(ref, "fieldPath");
  if (path === "") return [required(`${field}.fieldPath`)];
  if (supported.includes(path) || /^metadata\.(labels|annotations)\['[^']+'\]$/.test(path)) return [];
  return [unsupported(`${field}.fieldPath`, path, supported)];
}
