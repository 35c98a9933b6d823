import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { showDuration } from "@agentflow/protocol";
import type { Check, Examined } from "./check.ts";

const roundsOfTest = 10;
const slowSyncMs = 20;
const little = 1024 ** 3;
const tooLittle = 128 * 1024 ** 2;

/** Room for the state, and how long one durable write takes there: each answer waits for one. */
export function diskChecks({ folder, project }: Examined): Check[] {
  const state = project === undefined ? folder : join(project, ".agentflow");
  const dir = existsSync(state) ? state : (project ?? folder);
  const { bavail, bsize } = statfsSync(dir);
  return [roomCheck(bavail * bsize, dir), syncCheck(dir)];
}

function roomCheck(free: number, dir: string): Check {
  const fact = `${(free / 1024 ** 3).toFixed(1)} GiB free at ${dir}`;
  if (free < tooLittle)
    return { name: "disk", state: "bad", fact, fix: "free some space: runs cannot be kept" };
  return { name: "disk", state: free < little ? "note" : "good", fact };
}

function syncCheck(dir: string): Check {
  const file = join(dir, `.af-doctor-${process.pid}`);
  const times: number[] = [];
  try {
    const handle = openSync(file, "wx", 0o600);
    try {
      for (let i = 0; i < roundsOfTest; i++) {
        const fromMs = performance.now();
        writeSync(handle, "x".repeat(4_096));
        fsyncSync(handle);
        times.push(performance.now() - fromMs);
      }
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      name: "write",
      state: "bad",
      fact: `nothing can be written: ${why}`,
      fix: `make ${dir} writable`,
    };
  } finally {
    rmSync(file, { force: true });
  }
  const median = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  const shown = median < 1 ? `${median.toFixed(2)}ms` : showDuration(median);
  const fact = `a durable write takes ${shown} (median of ${roundsOfTest})`;
  if (median <= slowSyncMs) return { name: "write", state: "good", fact };
  return {
    name: "write",
    state: "note",
    fact: `${fact}: slow, each step waits for it`,
    fix: "put the project on a local disk",
  };
}
