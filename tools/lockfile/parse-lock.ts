import { readFileSync } from "node:fs";
import type { Lock } from "./complete.ts";

/** A package-lock.json as npm wrote it. */
export function readLock(file: string): Lock {
  return JSON.parse(readFileSync(file, "utf8")) as Lock;
}
