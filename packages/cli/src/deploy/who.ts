/** Who deploys: for people, and for whoever comes next on this machine. */
import type { DeployHolder } from "@agentflow/cluster/kubernetes";
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname, userInfo } from "node:os";

export interface Deployer {
  /** `ann@laptop`. */
  readonly by: string;
  readonly holder: DeployHolder;
}

export function whoDeploys(): Deployer {
  let user = process.env["USER"] ?? process.env["LOGNAME"];
  try {
    user ??= userInfo().username;
  } catch {
    // A container's user need not have a name.
  }
  const by = `${user ?? "somebody"}@${hostname()}`;
  const own = processId(process.pid);
  return {
    by,
    holder: {
      name: `${by} (process ${process.pid})`,
      ...(own === undefined ? {} : { process: own }),
      isDead,
    },
  };
}

/**
 * A process of this machine as no other has ever been: since this boot, in this space of process ids (a
 * container has one of its own), by its number and when it began. Undefined where the system tells less.
 */
export function processId(pid: number): string | undefined {
  const machine = machineId();
  const life = lifeOf(pid);
  return machine === undefined || life === undefined ? undefined : `${machine}/${pid}/${life.start}`;
}

/** Only what is known for certain: a process of another machine, or one that may not be seen, is not dead. */
function isDead(id: string): boolean {
  const [machine = "", pid = "", start = ""] = id.split("/");
  if (machine === "" || machine !== machineId() || !/^[1-9][0-9]*$/.test(pid)) return false;
  if (!isThere(Number(pid))) return true;
  const life = lifeOf(Number(pid));
  return life !== undefined && (life.start !== start || life.hasEnded);
}

/** Nobody learns from it which machine it is. */
function machineId(): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const space = readlinkSync("/proc/self/ns/pid");
    return createHash("sha256").update(`${boot} ${space}`).digest("hex").slice(0, 16);
  } catch {
    return undefined;
  }
}

/** Another user's process is there and may not be signalled. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

interface Life {
  /** Ticks since the boot. */
  readonly start: string;
  /** Nobody has asked yet how it ended. */
  readonly hasEnded: boolean;
}

function lifeOf(pid: number): Life | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may hold anything; fields are counted behind it, the first is the third.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state = "", start = ""] = [fields[0], fields[19]];
    return start === "" ? undefined : { start, hasEnded: state === "Z" || state === "X" };
  } catch {
    return undefined;
  }
}
