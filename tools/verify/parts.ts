/** One part of the verification: a command that exits with 0 when all is well. */
export interface Part {
  readonly name: string;
  readonly command: readonly [file: string, ...words: string[]];
}

export interface PartResult {
  readonly name: string;
  readonly ok: boolean;
  readonly tookMs: number;
}

interface House {
  run(command: Part["command"]): number;
  say(line: string): void;
  nowMs(): number;
}

/** Runs every part in order, also after one has failed. */
export function runParts(parts: readonly Part[], house: House): PartResult[] {
  return parts.map(({ name, command }) => {
    house.say(`\n== ${name}`);
    const startedMs = house.nowMs();
    const ok = house.run(command) === 0;
    return { name, ok, tookMs: house.nowMs() - startedMs };
  });
}

/** One line a part: whether it passed and how long it took. */
export function summary(results: readonly PartResult[]): string {
  return results
    .map(({ name, ok, tookMs }) => `${ok ? "ok    " : "FAILED"} ${name} (${(tookMs / 1000).toFixed(1)} s)`)
    .join("\n");
}
