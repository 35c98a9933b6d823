import { execFileSync } from "node:child_process";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AgentFlowError } from "@agentflow/protocol";
import { type Owner, parseOwner } from "./parse-owner.ts";
import { faultOf, type StoreFault } from "./store/database.ts";

export interface OwnerLock {
  /** The owner before, when it ended without giving the state back. */
  readonly before: Owner | undefined;
  /** Tells who reads the lock file where the owner's socket is. */
  announce(socket: string): void;
  release(): void;
}

/**
 * Makes this process the owner of the state in `dir`. Throws `conflict` (reason `owned`) while another is.
 * The lock itself is the system's, on the file `lock.db`, so it ends with its process however that ends; the
 * file `lock` tells others who holds it.
 */
export function takeLock(dir: string): OwnerLock {
  const held = holdFile(dir);
  const started = processOf(process.pid)?.started ?? "";
  // Whoever closes takes its file away: one that lies here is of an owner that could not.
  const before = parseOwner(readIfThere(join(dir, "lock")) ?? "");
  const write = (owner: Owner): void => writeWhole(join(dir, "lock"), JSON.stringify(owner));
  write({ pid: process.pid, started });
  return {
    before,
    announce: (socket) => write({ pid: process.pid, started, socket }),
    release: () => {
      rmSync(join(dir, "lock"), { force: true });
      held.close();
    },
  };
}

function holdFile(dir: string): DatabaseSync {
  const path = join(dir, "lock.db");
  let held: DatabaseSync | undefined;
  try {
    held = new DatabaseSync(path, { timeout: 0 });
    held.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return held;
  } catch (error) {
    held?.close();
    const fault = faultOf(error);
    throw isBusy(fault) ? ownedError(dir, error) : unusableError(path, { fault, cause: error });
  }
}

const sqliteBusy = 5;
const sqliteLocked = 6;

function isBusy({ sqlite }: StoreFault): boolean {
  return sqlite % 256 === sqliteBusy || sqlite % 256 === sqliteLocked;
}

/** Not made anew here: of two who did that at once, each would have a lock of its own. */
function unusableError(path: string, of: { fault: StoreFault; cause: unknown }): AgentFlowError {
  const { fault, cause } = of;
  return new AgentFlowError("unavailable", `${path} cannot be locked: ${fault.message}`, {
    reason: fault.full ? "storage_full" : "storage_failed",
    details: { path },
    suggestions: ["when nothing runs on this state: remove the file, it holds nothing", "af doctor"],
    cause,
  });
}

/** The living owner of the state in `dir`, or undefined: what a dead one left behind does not count. */
export function readOwner(dir: string): Owner | undefined {
  const owner = parseOwner(readIfThere(join(dir, "lock")) ?? "");
  if (owner === undefined || !isAlive(owner.pid)) return undefined;
  const found = processOf(owner.pid);
  if (found === undefined) return owner;
  return !found.hasEnded && found.started === owner.started ? owner : undefined;
}

function ownedError(dir: string, cause: unknown): AgentFlowError {
  const owner = readOwner(dir);
  const who = owner === undefined ? "another process" : `process ${owner.pid}`;
  return new AgentFlowError("conflict", `the state in ${dir} is in use by ${who}`, {
    reason: "owned",
    details: owner === undefined ? { dir } : { dir, ...owner },
    suggestions: ["join it, or stop it first"],
    cause,
  });
}

function writeWhole(path: string, text: string): void {
  const aside = `${path}.${process.pid}`;
  writeFileSync(aside, text, { mode: 0o600 });
  renameSync(aside, path);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal, but there.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

interface Process {
  /** When it started, in its system's own words. */
  readonly started: string;
  /** Dead, and only kept in the list because whoever started it has not asked how it ended. */
  readonly hasEnded: boolean;
}

/** Undefined when the system does not say. */
function processOf(pid: number): Process | undefined {
  if (process.platform === "linux") {
    const stat = readIfThere(`/proc/${pid}/stat`);
    // The name in brackets may hold spaces; behind it the state is the first field, the start the 20th.
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
    const [state = "", started] = [fields[0], fields[19]];
    return started === undefined ? undefined : { started, hasEnded: /^[ZXx]/.test(state) };
  }
  try {
    const text = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      timeout: 2_000,
    });
    const [, state = "", started = ""] = /^\s*(\S+)\s+(.*\S)\s*$/.exec(text) ?? [];
    return started === "" ? undefined : { started, hasEnded: state.startsWith("Z") };
  } catch {
    return undefined;
  }
}
