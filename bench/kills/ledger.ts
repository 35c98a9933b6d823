/** What the tools did to the outside world, checked against what the histories say. */
import { existsSync, readFileSync } from "node:fs";
import { ledgerSteps } from "../embedded/project.ts";
import { parseLedgerLine } from "./parse-ledger-line.ts";

export interface LedgerReport {
  readonly faults: readonly string[];
  readonly calls: number;
  /** Calls made again after a death: allowed, each under the key of the first. */
  readonly repeated: number;
}

/** Every step of every run was done at least once, and always under one idempotency key. */
export function checkLedger(file: string, runs: ReadonlySet<string>): LedgerReport {
  const keys = new Map<string, Set<string>>();
  let calls = 0;
  for (const text of existsSync(file) ? readFileSync(file, "utf8").split("\n") : []) {
    const line = parseLedgerLine(text);
    if (line === undefined) continue;
    calls++;
    const [run, step, callId] = line;
    const place = `${run} ${step}`;
    keys.set(place, (keys.get(place) ?? new Set()).add(callId));
  }
  const faults = [...keys].flatMap(([place, used]) =>
    used.size === 1 ? [] : [`${place}: ${used.size} idempotency keys for one call`],
  );
  for (const run of runs) {
    for (let i = 0; i < ledgerSteps; i++) {
      if (!keys.has(`${run} s${i}`)) faults.push(`${run} s${i}: recorded, but never done`);
    }
  }
  return { faults, calls, repeated: calls - keys.size };
}
