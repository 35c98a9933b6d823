/** The login of a registry as Docker's own client finds it: config.json, and the helpers that it names. */
import { AgentFlowError } from "@agentflow/protocol";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Tail } from "../builder/builder.ts";
import { bareServer, serverOf } from "./names.ts";
import {
  type DockerLogins,
  type RegistryLogin,
  parseAuth,
  parseDockerLogins,
  parseHelperAnswer,
} from "./parse-docker-config.ts";

export interface LoginLooking {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Lines that a helper prints beside its answer; control characters are still in them. */
  readonly told: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface FoundLogin {
  /** Nothing when there is none: a registry may take images from anybody. */
  readonly login?: RegistryLogin;
  /** Where it was looked for: `~/.docker/config.json`, `docker-credential-pass`. */
  readonly from: string;
}

/** A helper may ask for a touch or a password. */
const helperMs = 120_000;
const answerBytesMax = 64 * 1024;

export async function findLogin(host: string, looking: LoginLooking): Promise<FoundLogin> {
  const { environment, home } = looking;
  const folder = environment["DOCKER_CONFIG"] ?? "";
  const path = join(folder === "" ? join(home, ".docker") : folder, "config.json");
  const logins = await readLogins(path);
  if (logins === undefined) return { from: path };
  const server = serverOf(host);
  const helper = logins.credHelpers[host] ?? logins.credHelpers[server] ?? logins.credsStore;
  if (helper !== undefined) return askHelper(helper, server, looking);
  const entry = logins.auths[server] ?? sameServer(logins, bareServer(server));
  const login = parseAuth(entry, server);
  return login === undefined ? { from: path } : { login, from: path };
}

function sameServer({ auths }: DockerLogins, host: string): unknown {
  return Object.entries(auths).find(([key]) => bareServer(key) === host)?.[1];
}

async function readLogins(path: string): Promise<DockerLogins | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new AgentFlowError("invalid_input", `${path} cannot be read: ${textOf(cause)}`, {
      reason: "docker_config_broken",
      details: { path },
      suggestions: [`ls -l ${path}`, "or name another folder: DOCKER_CONFIG"],
      cause,
    });
  }
  return parseDockerLogins(text, path);
}

/** The server goes over stdin and the secret comes over stdout: no list of processes shows either. */
async function askHelper(name: string, server: string, looking: LoginLooking): Promise<FoundLogin> {
  const program = `docker-credential-${name}`;
  // A name with a slash would be a path to some other program.
  if (!/^[\w.-]+$/.test(name)) throw helperFailed(program, "that is no name of a helper");
  const { code, out, error } = await run(program, server, looking);
  if (error !== undefined) throw helperFailed(program, error);
  const login = code === 0 ? parseHelperAnswer(out, server) : undefined;
  if (login !== undefined) return { login, from: program };
  // In these words all of them say that they keep none for this registry.
  if (/credentials not found/i.test(out)) return { from: program };
  if (code === 0) throw helperFailed(program, "its answer is none that Docker's client knows");
  throw helperFailed(program, `exit code ${code ?? "none"}`);
}

interface HelperEnd {
  readonly code: number | null;
  readonly out: string;
  readonly error?: string;
}

function run(
  program: string,
  server: string,
  { environment, told, signal }: LoginLooking,
): Promise<HelperEnd> {
  return new Promise((resolve) => {
    const child = spawn(program, ["get"], {
      env: environment,
      stdio: ["pipe", "pipe", "pipe"],
      timeout: helperMs,
      ...(signal === undefined ? {} : { signal }),
    });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out = (out + text).slice(0, answerBytesMax);
    });
    const tail = new Tail(told, 1);
    child.stderr.setEncoding("utf8").on("data", (text: string) => tail.add(text));
    child.on("error", (error) => {
      const isMissing = "code" in error && error.code === "ENOENT";
      resolve({ code: null, out: "", error: isMissing ? "it is not on the PATH" : error.message });
    });
    child.on("close", (code) => {
      tail.end();
      resolve({ code, out });
    });
    // One that ends without reading says more by how it ended.
    child.stdin.on("error", () => undefined);
    child.stdin.end(server);
  });
}

function helperFailed(program: string, why: string): AgentFlowError {
  return new AgentFlowError("unauthenticated", `${program} gives no login: ${why}`, {
    reason: "registry_helper_failed",
    details: { helper: program },
    suggestions: [
      `what it says: echo REGISTRY | ${program} get`,
      "which helpers are asked: credsStore and credHelpers in Docker's config.json",
    ],
  });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
