/** The environment of a container: from values, ConfigMaps, Secrets and the pod itself. */
import type { Container, Pod } from "../world/parse-kinds.ts";
import { get, type World } from "../world/world.ts";

/** Where a pod's environment cannot be made: the words of the kubelet. */
export class ConfigError extends Error {}

export function environmentOf(
  world: World,
  pod: Pod,
  container: Container,
  base: Readonly<Record<string, string>>,
): Record<string, string> {
  const environment: Record<string, string> = { HOSTNAME: pod.spec.hostname ?? pod.metadata.name, ...base };
  for (const source of container.envFrom ?? []) Object.assign(environment, fromSource(world, pod, source));
  for (const variable of container.env ?? []) {
    const value =
      variable.valueFrom === undefined
        ? expand(variable.value ?? "", environment)
        : fromReference(world, pod, container, variable.valueFrom);
    if (value !== undefined) environment[variable.name] = value;
  }
  return environment;
}

/** `$(NAME)` stands for what is already there, `$$` for a dollar; what is not there stays as written. */
export function expand(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]+)\)/g, (whole, name: string | undefined) =>
    name === undefined ? "$" : (environment[name] ?? whole),
  );
}

type Source = NonNullable<Container["envFrom"]>[number];

function fromSource(world: World, pod: Pod, source: Source): Record<string, string> {
  const { configMapRef, secretRef, prefix = "" } = source;
  const values =
    configMapRef !== undefined
      ? valuesOf(world, pod, { kind: "configmap", ...configMapRef })
      : secretRef !== undefined
        ? valuesOf(world, pod, { kind: "secret", ...secretRef })
        : {};
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`${prefix}${key}`, value.toString()]),
  );
}

export interface ValuesRef {
  readonly kind: "configmap" | "secret";
  readonly name: string;
  readonly optional?: boolean | undefined;
}

/** Throws a ConfigError when it is not there and has to be. */
export function valuesOf(world: World, pod: Pod, ref: ValuesRef): Record<string, Buffer> {
  const namespace = pod.metadata.namespace ?? "";
  const resource = ref.kind === "secret" ? "secrets" : "configmaps";
  const found = get(world.store, resource, { namespace, name: ref.name });
  if (found === undefined) {
    if (ref.optional === true) return {};
    throw new ConfigError(`${ref.kind} "${ref.name}" not found`);
  }
  const encoding = ref.kind === "secret" ? "base64" : "utf8";
  const all: Record<string, Buffer> = {};
  for (const [key, value] of Object.entries(found.data ?? {})) all[key] = Buffer.from(value, encoding);
  for (const [key, value] of Object.entries(found.binaryData ?? {})) all[key] = Buffer.from(value, "base64");
  return all;
}

type Reference = NonNullable<NonNullable<Container["env"]>[number]["valueFrom"]>;

function fromReference(world: World, pod: Pod, container: Container, from: Reference): string | undefined {
  if (from.fieldRef !== undefined) return fieldOf(pod, from.fieldRef.fieldPath);
  if (from.secretKeyRef !== undefined) return keyOf(world, pod, { kind: "secret", ...from.secretKeyRef });
  if (from.configMapKeyRef !== undefined)
    return keyOf(world, pod, { kind: "configmap", ...from.configMapKeyRef });
  const [kind = "", resource = ""] = (from.resourceFieldRef?.resource ?? "").split(".");
  return container.resources?.[kind === "requests" ? "requests" : "limits"]?.[resource] ?? "0";
}

function keyOf(world: World, pod: Pod, ref: ValuesRef & { readonly key: string }): string | undefined {
  const value = valuesOf(world, pod, ref)[ref.key];
  if (value !== undefined) return value.toString();
  if (ref.optional === true) return undefined;
  const kind = ref.kind === "secret" ? "Secret" : "ConfigMap";
  throw new ConfigError(`couldn't find key ${ref.key} in ${kind} ${pod.metadata.namespace}/${ref.name}`);
}

export function fieldOf(pod: Pod, path: string): string {
  const [, map, key] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? [];
  if (map === "labels") return pod.metadata.labels?.[key ?? ""] ?? "";
  if (map === "annotations") return pod.metadata.annotations?.[key ?? ""] ?? "";
  const fields: Record<string, string | undefined> = {
    "metadata.name": pod.metadata.name,
    "metadata.namespace": pod.metadata.namespace,
    "metadata.uid": pod.metadata.uid,
    "spec.nodeName": pod.spec.nodeName,
    "spec.serviceAccountName": pod.spec.serviceAccountName,
    "status.podIP": pod.status?.podIP,
    "status.podIPs": pod.status?.podIP,
    "status.hostIP": pod.status?.hostIP,
  };
  return fields[path] ?? "";
}
