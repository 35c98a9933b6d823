/** What the engine says that a container has, held against what was asked: less than that is no sandbox. */
import type { Json, JsonObject, SandboxApplied } from "@agentflow/protocol";
import { type SandboxShape } from "./shape.ts";
import type { SandboxRequest } from "./source.ts";
import { unavailable } from "./unavailable.ts";

/** Of the engine itself, which an inspected container does not tell. */
export interface EngineFacts {
  readonly version: string;
  readonly seccomp: string;
  readonly defaultRuntime: string;
}

const mib = 1024 * 1024;

/** Throws `sandbox_unavailable`, naming each thing that is weaker than asked. */
export function appliedOf(
  inspected: Json,
  of: { readonly shape: SandboxShape; readonly request: SandboxRequest; readonly engine: EngineFacts },
): SandboxApplied {
  const { shape, request, engine } = of;
  const host = at(inspected, "HostConfig");
  const config = at(inspected, "Config");
  const mounts = list(at(inspected, "Mounts"));
  const networks = Object.keys(object(at(inspected, "NetworkSettings", "Networks")));
  const weaker = [
    check("image", at(inspected, "Image"), shape.image),
    check("network", at(host, "NetworkMode"), "none"),
    check("networks", networks.filter((name) => name !== "none").join(" "), ""),
    check("privileged", at(host, "Privileged"), false),
    check("read-only root", at(host, "ReadonlyRootfs"), true),
    check(
      "capabilities dropped",
      list(at(host, "CapDrop"))
        .map((one) => text(one))
        .join(" "),
      "ALL",
    ),
    check(
      "capabilities added",
      list(at(host, "CapAdd"))
        .map((one) => text(one))
        .join(" "),
      "",
    ),
    check("no new privileges", hasOption(host, "no-new-privileges"), true),
    check("memory", at(host, "Memory"), request.memoryMb * mib),
    check("memory and swap", at(host, "MemorySwap"), request.memoryMb * mib),
    check("processes", at(host, "PidsLimit"), request.pids),
    check("cores", Number(at(host, "NanoCpus")) / 1e9, request.cpus),
    check("user", at(config, "User"), shape.user),
    check("process ids", at(host, "PidMode"), ""),
    check("ipc", at(host, "IpcMode"), "none"),
    check("devices", list(at(host, "Devices")).length, 0),
    ...mounts.map((mount) => mountFault(mount, shape)),
  ].filter((fault) => fault !== undefined);
  if (weaker.length > 0) {
    throw unavailable(`the engine gave a weaker container than was asked for (${weaker.join("; ")})`, [
      "run `af doctor`",
    ]);
  }
  const runtime = at(host, "Runtime");
  return {
    profile: "docker",
    runtime: typeof runtime === "string" && runtime !== "" ? runtime : engine.defaultRuntime,
    image: shape.image,
    network: request.network,
    memoryMb: Number(at(host, "Memory")) / mib,
    cpus: Number(at(host, "NanoCpus")) / 1e9,
    pids: Number(at(host, "PidsLimit")),
    tmpMb: tmpOf(host),
    user: text(config, "User"),
    seccomp: hasOption(host, "seccomp=unconfined") ? "unconfined" : engine.seccomp,
    engine: `docker ${engine.version}`,
  };
}

function check(what: string, is: Json, asked: Json): string | undefined {
  return is === asked ? undefined : `${what}: ${JSON.stringify(is)} instead of ${JSON.stringify(asked)}`;
}

function hasOption(host: Json, option: string): boolean {
  return list(at(host, "SecurityOpt")).some((one) => text(one).startsWith(option));
}

function mountFault(mount: Json, shape: SandboxShape): string | undefined {
  const source = text(mount, "Source");
  if (at(mount, "Type") === "tmpfs") return undefined;
  const isAsked = shape.binds.includes(source);
  if (isAsked && at(mount, "RW") === false) return undefined;
  return `a mount of ${source} that ${isAsked ? "can be written" : "nobody asked for"}`;
}

function tmpOf(host: Json): number {
  const options = at(host, "Tmpfs", "/tmp");
  return Number(/size=([0-9]+)m/.exec(typeof options === "string" ? options : "")?.[1] ?? 0);
}

function at(value: Json, ...keys: readonly string[]): Json {
  let inner: Json = value;
  for (const key of keys) inner = object(inner)[key] ?? null;
  return inner;
}

function object(value: Json): { readonly [key: string]: Json } {
  return isObject(value) ? value : {};
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is no text is none. */
function text(value: Json, ...keys: readonly string[]): string {
  const found = at(value, ...keys);
  return typeof found === "string" ? found : "";
}

function list(value: Json): readonly Json[] {
  return isList(value) ? value : [];
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

export { at as jsonAt, list as jsonList, text as jsonText };
