import { randomBytes } from "node:crypto";
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

export interface FsyncTimes {
  readonly p50Ms: number;
  readonly p95Ms: number;
}

const rounds = 20;
const recordBytes = 350;
/** A slow disk is known as one after fewer rounds. */
const enoughMs = 60;

/** How long the folder's disk takes to make one short record durable. Blocks for a few milliseconds. */
export function measureFsync(dir: string): FsyncTimes {
  const path = join(dir, `.fsync-${randomBytes(6).toString("hex")}`);
  const file = openSync(path, "wx", 0o600);
  const record = Buffer.alloc(recordBytes, 120);
  const times: number[] = [];
  try {
    const begin = performance.now();
    while (times.length < rounds && (times.length < 3 || performance.now() - begin < enoughMs)) {
      const from = performance.now();
      writeSync(file, record);
      fdatasyncSync(file);
      times.push(performance.now() - from);
    }
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { p50Ms: at(0.5), p95Ms: at(0.95) };
}
