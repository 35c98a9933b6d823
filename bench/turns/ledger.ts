/** What the agent's tools did to the outside world. Read by a second reader too: whoever strikes. */
import { existsSync, readFileSync } from "node:fs";
import { type WorkLine, parseWorkLine } from "./parse-work-line.ts";

export function readWork(file: string): readonly WorkLine[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((text) => parseWorkLine(text) ?? []);
}

/** Faults, each a sentence: payments made twice, and writes under more than one key. */
export function workFaults(lines: readonly WorkLine[]): string[] {
  const faults: string[] = [];
  const began = lines.filter(({ point }) => point === "began");
  for (const [run, paid] of Map.groupBy(
    began.filter(({ tool }) => tool === "pay"),
    (line) => line.run,
  )) {
    if (paid.length > 1) faults.push(`${run}: paid ${paid.length} times`);
  }
  for (const [place, noted] of Map.groupBy(
    began.filter(({ tool }) => tool === "note"),
    ({ run, n }) => `${run} note ${n}`,
  )) {
    const keys = new Set(noted.map(({ key }) => key));
    if (keys.size > 1) faults.push(`${place}: under ${keys.size} keys`);
  }
  return faults;
}
