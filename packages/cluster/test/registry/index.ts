/** A registry for tests: Debian's `docker-registry` on a loopback port, to which engines push over http. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { serverCache, unpackNewest } from "@agentflow/bus/servers";

export interface TestRegistry {
  /** `127.0.0.1:40123`: first part of references, and of `registry` of a target. */
  readonly host: string;
  /** What it was asked so far: `PUT /v2/team/triage/manifests/1`. */
  requests(): readonly string[];
  stop(): Promise<void>;
}

export interface TestRegistryOptions {
  /** Nobody gets in without `testLogin`. */
  readonly auth?: boolean;
  /** The port of one that has ended, to start another in its place. */
  readonly port?: number;
}

/** The only account of registries that ask. */
export const testLogin = { username: "tester", password: "not-a-secret" } as const;

// bcrypt of the password above: registries take no other hash.
const htpasswd = "tester:$2b$05$abcdefghijklmnopqrstuuVPNOToLP9MHdthRCXkVoiIF0qNKnk2G\n";
const name = "docker-registry";
const startedWithinMs = 30_000;

/** Why suites that need a registry are skipped, or undefined when they run. With `CI=true` it throws. */
export async function registryMissing(): Promise<string | undefined> {
  try {
    await findProgram();
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const missing = `no registry (${why}): apt-get install ${name}`;
    if (process.env["CI"] === "true") throw new Error(missing, { cause: error });
    return missing;
  }
}

export async function startRegistry({ auth = false, port }: TestRegistryOptions = {}): Promise<TestRegistry> {
  const program = await findProgram();
  const folder = await mkdtemp(join(tmpdir(), "agentflow-registry-"));
  const host = `127.0.0.1:${port ?? (await freePort())}`;
  const passwords = join(folder, "htpasswd");
  await writeFile(passwords, htpasswd);
  const config = join(folder, "config.json");
  await writeFile(config, JSON.stringify(configOf({ folder, host, passwords, auth })));
  const server = spawn(program, ["serve", config], { stdio: ["ignore", "pipe", "pipe"] });
  const said: string[] = [];
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => said.push(...text.split("\n")));
  }
  const stop = async (): Promise<void> => {
    await end(server);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answers(host, server);
  } catch (error) {
    await stop();
    throw new Error(`the registry did not start:\n${said.slice(-10).join("\n")}`, { cause: error });
  }
  return { host, requests: () => said.flatMap(requestOf), stop };
}

interface Configuring {
  readonly folder: string;
  readonly host: string;
  readonly passwords: string;
  readonly auth: boolean;
}

/** Its configuration is YAML, and JSON is YAML. */
function configOf({ folder, host, passwords, auth }: Configuring): object {
  return {
    version: "0.1",
    log: { accesslog: { disabled: false }, level: "warn" },
    storage: { filesystem: { rootdirectory: join(folder, "images") }, delete: { enabled: true } },
    http: { addr: host },
    ...(auth ? { auth: { htpasswd: { realm: "tests", path: passwords } } } : {}),
  };
}

/** A line of the access log. */
function requestOf(line: string): string[] {
  const found = /"([A-Z]+ \/v2\/[^ "?]*)/.exec(line)?.[1];
  return found === undefined ? [] : [found];
}

async function answers(host: string, server: ChildProcess): Promise<void> {
  for (let waitedMs = 0; waitedMs < startedWithinMs && server.exitCode === null; waitedMs += 50) {
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
    if (answer !== undefined) return;
    await sleep(50);
  }
  throw new Error("no answer");
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGKILL");
  await ended;
}

async function findProgram(): Promise<string> {
  const installed = await promisify(execFile)("sh", ["-c", `command -v ${name}`]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
  if (installed !== undefined) return installed;
  const unpacked = join(serverCache(), name);
  const program = join(unpacked, "usr", "bin", name);
  const isThere = await access(program).then(
    () => true,
    () => false,
  );
  if (!isThere) await unpackNewest(name, unpacked);
  return program;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
