/** Whether every numbered line came, each once, in the order of its source. */
export interface LineFaults {
  readonly missing: number;
  readonly repeated: number;
  readonly outOfOrder: number;
  /** The first of each kind, for people. */
  readonly examples: readonly string[];
}

/** Run and attempt, and the number of the line. */
export const lineMark = /line (r[0-9a-z]+#\d+) (\d+)/;

/** Takes the lines of `af logs` as they come; a source is an attempt, whose lines are numbered from 1. */
export class LineCheck {
  readonly #last = new Map<string, number>();
  readonly #count = new Map<string, number>();
  readonly #examples: string[] = [];
  #repeated = 0;
  #outOfOrder = 0;
  #taken = 0;

  get taken(): number {
    return this.#taken;
  }

  take(line: string): void {
    const found = lineMark.exec(line);
    if (found === null) return;
    const [, source = "", number = "0"] = found;
    const n = Number(number);
    const last = this.#last.get(source) ?? 0;
    this.#taken++;
    if (n === last + 1) this.#last.set(source, n);
    else if (n <= last) this.#fault("repeated", `${source}: ${n} after ${last}`);
    else {
      this.#fault("outOfOrder", `${source}: ${n} after ${last}`);
      this.#last.set(source, n);
    }
    this.#count.set(source, (this.#count.get(source) ?? 0) + 1);
  }

  /** Whether as many came as each source says that it wrote. */
  has(written: ReadonlyMap<string, number>): boolean {
    return [...written].every(([source, count]) => (this.#count.get(source) ?? 0) >= count);
  }

  faults(written: ReadonlyMap<string, number>): LineFaults {
    let missing = 0;
    for (const [source, count] of written) {
      const came = this.#count.get(source) ?? 0;
      if (came >= count) continue;
      missing += count - came;
      this.#example(`${source}: ${came} of ${count}`);
    }
    return { missing, repeated: this.#repeated, outOfOrder: this.#outOfOrder, examples: this.#examples };
  }

  #fault(kind: "repeated" | "outOfOrder", example: string): void {
    if (kind === "repeated") this.#repeated++;
    else this.#outOfOrder++;
    this.#example(`${kind}: ${example}`);
  }

  #example(text: string): void {
    if (this.#examples.length < 10) this.#examples.push(text);
  }
}
