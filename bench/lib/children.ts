/** Child processes of a measurement: started with a log file each, ended by whoever started them. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, openSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { descendants } from "./process-table.ts";

/** The bench folder: the packages of the peers are installed below it. */
export const ROOT = path.resolve(import.meta.dirname, "..");
/** Every process of a measurement runs under the Node that measures. */
export const NODE = process.execPath;
const folder = process.env["BENCH_RUN_DIR"] ?? path.join(os.tmpdir(), "agentflow-bench");

/** A fresh, empty folder for one system's data and logs. */
export function runDir(name: string): string {
  const dir = path.join(folder, name);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  return dir;
}

export interface StartOptions {
  readonly env?: { readonly [name: string]: string | undefined };
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** Starts a process that writes to `<dir>/<label>.log` and does not outlive us. */
export function start(
  dir: string,
  label: string,
  command: string,
  words: readonly string[],
  options: StartOptions = {},
): ChildProcess {
  const log = openSync(path.join(dir, `${label}.log`), "a");
  const { env, cwd = dir, uid, gid } = options;
  const child = spawn(command, words, {
    cwd,
    stdio: ["ignore", log, log, "ipc"],
    env: { ...process.env, ...env },
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  return endWithUs(child);
}

const living = new Set<ChildProcess>();

/** Whatever ends the measurement (an error, a signal, whoever started it) ends this child too. */
export function endWithUs<Child extends ChildProcess>(child: Child): Child {
  if (living.size === 0) watchOurEnd();
  living.add(child);
  child.once("exit", () => living.delete(child));
  return child;
}

/** kill -9 of one process; false when it had gone already. */
export function killPid(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
}

let watching = false;
function watchOurEnd(): void {
  if (watching) return;
  watching = true;
  process.on("exit", () => {
    // With all descendants: some servers are started by a wrapper that a SIGKILL would tear from them.
    const roots = [...living].flatMap(({ pid }) => pid ?? []);
    for (const pid of descendants(roots)) killPid(pid);
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));
  const parent = process.ppid;
  setInterval(() => (process.ppid === parent ? undefined : process.exit(130)), 500).unref();
}

/** Asks a process to end, kills it when it has not after `ms`, and waits until it is gone. */
export async function stop(
  child: ChildProcess | undefined,
  signal: NodeJS.Signals = "SIGTERM",
  ms = 5_000,
): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), ms);
  await gone;
  clearTimeout(timer);
}

export const sleep = (ms: number): Promise<void> => delay(ms);

export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

export async function waitPort(port: number, ms = 30_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await answers(port))) {
    if (Date.now() > end) throw new Error(`port ${port} did not open`);
    await sleep(50);
  }
}

export async function retry<T>(attempt: () => Promise<T>, ms = 30_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(100);
    }
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
