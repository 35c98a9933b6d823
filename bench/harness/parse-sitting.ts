import type { Sitting, SystemResult } from "./result.ts";

/** A sitting that was recorded before; our own files, trusted to be whole. */
export function parseSitting(text: string): Sitting {
  return JSON.parse(text) as Sitting;
}

export function parseResult(text: string): SystemResult {
  return JSON.parse(text) as SystemResult;
}
