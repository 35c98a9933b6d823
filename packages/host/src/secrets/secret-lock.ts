/** One writer at a time, across processes: a file that only one of them can make. */
import { AgentFlowError } from "@agentflow/protocol";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";

export interface LockOptions {
  /** Waits between two tries. */
  readonly pause: (ms: number) => Promise<void>;
  /** What it guards, for the message (`the secrets`). */
  readonly what?: string;
}

const tryEveryMs = 20;
/** Writing takes milliseconds: who holds it for so long is stuck. */
const triesMax = 500;

/**
 * Runs `work` under the lock. What it is given throws when the lock is ours no more. A lock whose process is
 * gone is taken over; one that is held throughout is `unavailable`.
 */
export async function withLock<T>(
  file: string,
  { pause, what = "the secrets" }: LockOptions,
  work: (stillOurs: () => void) => T,
): Promise<T> {
  const mine = `${process.pid} ${hostname()}`;
  for (let tries = 0; !take(file, mine); tries++) {
    if (tries >= triesMax) throw held(file, what);
    if (!takeFromDead(file, mine)) await pause(tryEveryMs);
  }
  try {
    return work(() => {
      if (textOf(file) !== mine) throw held(file, what);
    });
  } finally {
    if (textOf(file) === mine) rmSync(file, { force: true });
  }
}

/** By a link, so that the lock is never seen without who holds it. */
function take(file: string, mine: string): boolean {
  const own = `${file}.${mine.replace(" ", ".")}`;
  // Left behind by one that was killed right here.
  rmSync(own, { force: true });
  writeFileSync(own, mine, { mode: 0o600, flag: "wx" });
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function takeFromDead(file: string, mine: string): boolean {
  const holder = textOf(file);
  const [pid, host] = holder?.split(" ") ?? [];
  // Of a process on another machine that shares the folder nobody here can tell.
  if (host !== hostname() || isAlive(Number(pid))) return false;
  const aside = `${file}.dead.${mine.replace(" ", ".")}`;
  try {
    renameSync(file, aside);
  } catch {
    return false;
  }
  // Another may have been quicker: what was moved is then the new holder's, and is put back.
  if (textOf(aside) !== holder) {
    try {
      linkSync(aside, file);
    } catch {
      // A third has it already; the second notices before it writes.
    }
  }
  rmSync(aside, { force: true });
  return true;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function held(file: string, what: string): AgentFlowError {
  return new AgentFlowError("unavailable", `another process is changing ${what}`, {
    reason: "secrets_locked",
    suggestions: [`if none is: rm ${file}`],
  });
}
