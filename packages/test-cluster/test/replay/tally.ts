/**
 * How many of the recorded exchanges are told again to a server of ours, folder by folder, and why the others
 * are not. As a command: `node packages/test-cluster/test/replay/tally.ts`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { comparedBy, notReproduced } from "./not-reproduced.ts";

export interface Tallied {
  readonly folder: string;
  readonly exchanges: number;
  readonly reproduced: number;
  /** The test that holds them. */
  readonly by: string;
  /** What went on, and no story to be told again: what a client reads of it is compared. */
  readonly isCompared: boolean;
  readonly left: Readonly<Record<string, string>>;
}

const fixtures = join(import.meta.dirname, "../../fixtures/transcripts");

export function filesOf(folder: string): string[] {
  return readdirSync(join(fixtures, folder))
    .filter((name) => name.endsWith(".json"))
    .sort();
}

export function tally(): readonly Tallied[] {
  const folders = readdirSync(fixtures).filter((name) => /^\d\d-/.test(name));
  return folders.sort().map((folder) => {
    const exchanges = filesOf(folder).filter((file) => isExchange(join(fixtures, folder, file))).length;
    const left = notReproduced[folder] ?? {};
    const other = comparedBy[folder];
    const reproduced = exchanges - Object.keys(left).length;
    const by = other ?? `test/replay/${folder}.test.ts`;
    return { folder, exchanges, reproduced, by, isCompared: other !== undefined, left };
  });
}

/** Watches side by side, documents and events that were picked out are none. */
function isExchange(file: string): boolean {
  const text = readFileSync(file, "utf8");
  return /^ *"requests?":/m.test(text) && !file.endsWith("29-no-answer.json");
}

function print(all: readonly Tallied[]): void {
  const told = all.filter(({ isCompared }) => !isCompared);
  for (const { folder, exchanges, reproduced, by, left } of told) {
    console.log(`${folder.padEnd(18)}${`${reproduced} of ${exchanges}`.padStart(9)}  ${by}`);
    for (const [number, why] of Object.entries(left)) console.log(`${" ".repeat(29)}not ${number}: ${why}`);
  }
  const sum = (of: "exchanges" | "reproduced") => told.reduce((total, one) => total + one[of], 0);
  console.log(`${"all".padEnd(18)}${`${sum("reproduced")} of ${sum("exchanges")}`.padStart(9)}`);
  for (const { folder, by } of all.filter(({ isCompared }) => isCompared)) {
    console.log(`${folder.padEnd(18)}${"compared".padStart(9)}  by what a client reads: ${by}`);
  }
}

if (process.argv[1] === import.meta.filename) print(tally());
