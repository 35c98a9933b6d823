/** AF403 for `wait`: a time that is written out must be one, before a run finds out. */
import { type Json, readDuration, unixMs } from "@agentflow/protocol";
import { type Findings, error } from "./findings.ts";
import { type InspectedStep, stepPath } from "./inspected.ts";

export function checkWait({ id, def }: InspectedStep, findings: Findings): void {
  const message = problemOf(def.with);
  if (def.uses.kind !== "wait" || message === undefined) return;
  error(findings, { code: "AF403", path: stepPath(id, "/with"), message });
}

function problemOf(given: Json): string | undefined {
  const keys: ReadonlyMap<string, Json> = new Map(plainEntries(given));
  const [time, until] = [keys.get("for"), keys.get("until")];
  const shown = JSON.stringify(time ?? until ?? given);
  if (typeof time === "string" && readDuration(time) === undefined) {
    return `wait: ${shown} is not a duration: write 250ms, 30s, 5m, 24h or 7d`;
  }
  if (typeof time === "string") return undefined;
  if (typeof until === "string" && !Number.isNaN(unixMs(until))) return undefined;
  return `wait: ${shown} is no time to wait for: write {for: 30s} or {until: 2030-01-31T12:00:00Z}`;
}

function plainEntries(given: Json): [string, Json][] {
  return typeof given === "object" && given !== null && !Array.isArray(given) ? Object.entries(given) : [];
}
