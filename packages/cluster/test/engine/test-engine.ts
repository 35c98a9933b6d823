/** Which engine the tests use: one that answers already, or one that a keeper starts and ends for them. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { type Socket, connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import Docker from "dockerode";
import { serverCache } from "@agentflow/bus/servers";
import { keeperDoor } from "./keeper-door.ts";

export interface TestEngine {
  /** `unix:///…` or `tcp://…`, as DOCKER_HOST says it. */
  readonly host: string;
  readonly docker: Docker;
  /** Started for the tests: nobody else's images and containers are on it. */
  readonly own: boolean;
}

const run = promisify(execFile);
const packages = ["docker.io", "iptables", "iproute2"];
const installLine = `apt-get install ${packages.join(" ")}   (or name an engine: AF_TEST_DOCKER_HOST=…)`;
const startedWithinMs = 60_000;

let found: Promise<TestEngine> | undefined;

/** The engine of this test process. Rejects when there is none and none can be had. */
export function testEngine(): Promise<TestEngine> {
  found ??= search();
  return found;
}

/** Why suites that need an engine are skipped, or undefined when they run. With `CI=true` it throws. */
export async function engineMissing(): Promise<string | undefined> {
  try {
    await testEngine();
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const missing = `no Docker engine (${why}): ${installLine}`;
    if (process.env["CI"] === "true") throw new Error(missing, { cause: error });
    return missing;
  }
}

async function search(): Promise<TestEngine> {
  const named = process.env["AF_TEST_DOCKER_HOST"] ?? process.env["DOCKER_HOST"];
  for (const host of [named, "unix:///var/run/docker.sock"]) {
    if (host === undefined || host === "") continue;
    const docker = dockerAt(host);
    if (await answers(docker)) return { host, docker, own: false };
    // Whoever names an engine means that one: a silent one is said, not replaced.
    if (host === named) throw new Error(`${host} does not answer`);
  }
  return startOwn();
}

async function startOwn(): Promise<TestEngine> {
  if (process.platform !== "linux") throw new Error("one can be started on Linux only");
  if (process.getuid?.() !== 0) throw new Error("one can be started by root only");
  if (!(await isThere("dockerd")) || !(await isThere("ip"))) await install();
  const folder = join(serverCache(), "docker");
  await mkdir(folder, { recursive: true });
  await hold(folder);
  const host = `unix://${join(folder, "docker.sock")}`;
  return { host, docker: dockerAt(host), own: true };
}

async function install(): Promise<void> {
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["-qq", "update"], { env: environment });
  const words = ["-qq", "install", "--yes", "--no-install-recommends", ...packages];
  await run("apt-get", words, { env: environment, maxBuffer: 64 * 1024 * 1024 });
}

/**
 * Asks the keeper for the engine. The open connection is this process's share in it: however the process
 * ends, the share ends too, and the keeper ends the engine when the last one is gone.
 */
async function hold(folder: string): Promise<void> {
  const until = Date.now() + startedWithinMs;
  const log = join(folder, "keeper.log");
  let keeper: ChildProcess | undefined;
  while (Date.now() < until) {
    const share = await ask(keeperDoor(folder));
    if (share !== undefined) {
      // A process that runs one test file has been started by the one that runs them all.
      if (process.env["VITEST"] !== undefined && process.send) share.write(`run ${process.ppid}\n`);
      share.unref();
      return;
    }
    if (keeper?.exitCode === 1) break;
    // One that found another at its place ends with 0, and that other may be ending too.
    if (keeper === undefined || keeper.exitCode === 0) keeper = startKeeper(folder, log);
    await sleep(100);
  }
  const said = await readFile(log, "utf8").catch(() => "");
  throw new Error(`dockerd did not start:\n${said.trim().split("\n").slice(-10).join("\n")}`);
}

function startKeeper(folder: string, log: string): ChildProcess {
  const out = openSync(log, "a");
  const words = [fileURLToPath(new URL("keeper.ts", import.meta.url)), folder];
  const keeper = spawn(process.execPath, words, { detached: true, stdio: ["ignore", out, out] });
  closeSync(out);
  keeper.unref();
  return keeper;
}

/** Resolves once the keeper says that the engine answers; undefined when there is no keeper. */
function ask(door: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(door);
    socket.once("data", () => resolve(socket));
    socket.once("error", () => resolve(undefined));
    socket.once("close", () => resolve(undefined));
  });
}

function dockerAt(host: string): Docker {
  if (host.startsWith("unix://")) return new Docker({ socketPath: host.slice("unix://".length) });
  const { hostname, port } = new URL(host);
  return new Docker({ host: hostname, port: Number(port) });
}

function answers(docker: Docker): Promise<boolean> {
  return docker.ping().then(
    () => true,
    () => false,
  );
}

function isThere(program: string): Promise<boolean> {
  return run("sh", ["-c", `command -v ${program}`]).then(
    () => true,
    () => false,
  );
}
