import type { Json } from "@agentflow/protocol";

/** What JSON makes of a value of ours. */
export function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null)) as Json;
}
