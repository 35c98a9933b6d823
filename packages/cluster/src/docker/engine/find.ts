/** Where the engine is, looked up in the order of Docker's own client, then other engines' sockets. */
import { AgentFlowError } from "@agentflow/protocol";
import { createHash } from "node:crypto";
import { access, constants, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { EngineAddress, EngineLooking } from "./address.ts";
export { engineSocket } from "./socket.ts";
import { type ContextMeta, parseContextMeta, parseCurrentContext } from "./parse-config.ts";

/**
 * The target's `host`, its `dockerContext`, DOCKER_HOST, DOCKER_CONTEXT, the context in use of Docker's own
 * client, then the first socket that lies where engines put it. Fails only on a context that does not exist
 * or a file that cannot be read: whether an engine answers is for `openEngine` to say.
 */
export async function findEngine(looking: EngineLooking): Promise<EngineAddress> {
  const { host, context, environment } = looking;
  const target = looking.target === undefined ? "the target" : `target ${looking.target}`;
  if (host !== undefined) return addressed(host, target, looking);
  if (context !== undefined) return ofContext(context, `${target}, Docker context ${context}`, looking);
  const told = environment["DOCKER_HOST"] ?? "";
  if (told !== "") return addressed(told, "DOCKER_HOST", looking);
  const named = environment["DOCKER_CONTEXT"] ?? "";
  if (named !== "") return ofContext(named, `DOCKER_CONTEXT ${named}`, looking);
  const current = await currentContext(looking);
  if (current !== undefined) return ofContext(current, `Docker context ${current}`, looking);
  return firstSocket(looking);
}

function addressed(host: string, from: string, looking: EngineLooking): EngineAddress {
  const known = /^(unix|npipe|tcp|http|https|ssh):\/\//.test(host) ? host : `tcp://${host}`;
  if (/^(unix|npipe):/.test(known) ? known.length < 8 : (URL.parse(known)?.hostname ?? "") === "") {
    throw new AgentFlowError("invalid_input", `${from}: ${JSON.stringify(host)} is no address of an engine`, {
      reason: "engine_address",
      suggestions: ["write unix:///path/to.sock, tcp://host:2376 or ssh://user@host"],
    });
  }
  const { environment } = looking;
  const verify = (environment["DOCKER_TLS_VERIFY"] ?? "") !== "";
  const folder = environment["DOCKER_CERT_PATH"] ?? "";
  const certificates = folder !== "" ? folder : verify ? configFolder(looking) : undefined;
  const secured = /^(tcp|https):/.test(known) && certificates !== undefined;
  return { host: known, verify: secured ? verify : true, from, ...(secured ? { certificates } : {}) };
}

async function ofContext(name: string, from: string, looking: EngineLooking): Promise<EngineAddress> {
  // Docker reserves this name for what it does without contexts.
  if (name === "default") {
    const told = looking.environment["DOCKER_HOST"] ?? "";
    return told === "" ? firstSocket(looking) : addressed(told, "DOCKER_HOST", looking);
  }
  const folder = join(configFolder(looking), "contexts");
  const id = createHash("sha256").update(name).digest("hex");
  const meta = await readMeta(join(folder, "meta", id, "meta.json"));
  if (meta === undefined) throw await unknownContext(name, from, folder);
  const certificates = join(folder, "tls", id, "docker");
  const secured = /^(tcp|https):/.test(meta.host) && (await readable(certificates));
  return { host: meta.host, verify: !meta.skipVerify, from, ...(secured ? { certificates } : {}) };
}

async function unknownContext(name: string, from: string, folder: string): Promise<AgentFlowError> {
  const ids = await readdir(join(folder, "meta")).catch(() => []);
  const metas = await Promise.all(ids.map((id) => readMeta(join(folder, "meta", id, "meta.json"))));
  const known = ["default", ...metas.flatMap((meta) => (meta === undefined ? [] : [meta.name])).sort()];
  return new AgentFlowError("not_found", `Docker has no context ${JSON.stringify(name)} (said by ${from})`, {
    reason: "docker_context_unknown",
    details: { name, known },
    suggestions: [`it has: ${known.join(", ")}`, "see them: docker context ls"],
  });
}

async function currentContext(looking: EngineLooking): Promise<string | undefined> {
  const path = join(configFolder(looking), "config.json");
  const text = await readText(path);
  return text === undefined ? undefined : parseCurrentContext(text, path);
}

async function readMeta(path: string): Promise<ContextMeta | undefined> {
  const text = await readText(path);
  return text === undefined ? undefined : parseContextMeta(text, path);
}

/** The first that may be opened, else the first that is there, else where it would be. */
async function firstSocket({ environment, home }: EngineLooking): Promise<EngineAddress> {
  const runtime = environment["XDG_RUNTIME_DIR"] ?? "";
  const own = (path: string): string[] => (runtime === "" ? [] : [join(runtime, path)]);
  const places: readonly (readonly [from: string, paths: readonly string[]])[] = [
    ["default", ["/var/run/docker.sock"]],
    ["Docker Desktop's socket", [join(home, ".docker/run/docker.sock")]],
    ["rootless Docker's socket", own("docker.sock")],
    ["Podman's socket", [...own("podman/podman.sock"), "/run/podman/podman.sock"]],
  ];
  const sockets = places.flatMap(([from, paths]) => paths.map((path) => ({ from, path })));
  const looked = sockets.map(({ path }) => path);
  const address = ({ from, path }: { from: string; path: string }): EngineAddress => ({
    host: `unix://${path}`,
    verify: true,
    from,
    looked,
  });
  for (const mode of [constants.R_OK | constants.W_OK, constants.F_OK]) {
    for (const socket of sockets) if (await readable(socket.path, mode)) return address(socket);
  }
  return address({ from: "default", path: "/var/run/docker.sock" });
}

function configFolder({ environment, home }: EngineLooking): string {
  const folder = environment["DOCKER_CONFIG"] ?? "";
  return folder === "" ? join(home, ".docker") : folder;
}

async function readable(path: string, mode: number = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

/** Nothing when there is no such file. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR")) {
      return undefined;
    }
    throw new AgentFlowError("forbidden", `${path} cannot be read`, {
      reason: "docker_config_unreadable",
      cause,
    });
  }
}
