import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { spreadOf } from "../harness/quantiles.ts";
import { runDir } from "./children.ts";

const rounds = 300;
const recordBytes = 350;

/** How long an append of one small record takes to reach the disk that the systems use, in ms. */
export function probeFsync(): { readonly p50: number; readonly p95: number } {
  const dir = runDir("fsync");
  mkdirSync(dir, { recursive: true });
  const file = openSync(path.join(dir, "probe"), "a");
  const record = Buffer.alloc(recordBytes, "x");
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const beganMs = performance.now();
    writeSync(file, record);
    fdatasyncSync(file);
    times.push(performance.now() - beganMs);
  }
  closeSync(file);
  rmSync(dir, { recursive: true, force: true });
  const { p50, p95 } = spreadOf(times);
  return { p50, p95 };
}
