/** A heap: gives what was added, the earliest first, among equals the one that was added first. */
interface Entry<T> {
  readonly value: T;
  readonly timeMs: number;
  readonly number: number;
}

export class Heads<T> {
  private readonly entries: Entry<T>[] = [];
  private added = 0;

  add(value: T, timeMs: number): void {
    const { entries } = this;
    const entry = { value, timeMs, number: this.added++ };
    let at = entries.length;
    entries.push(entry);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const above = entries[up];
      if (above === undefined || isBefore(above, entry)) break;
      entries[at] = above;
      at = up;
    }
    entries[at] = entry;
  }

  take(): { readonly value: T; readonly timeMs: number } | undefined {
    const { entries } = this;
    const first = entries[0];
    const last = entries.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let at = 0;
    for (;;) {
      const left = entries[2 * at + 1];
      const right = entries[2 * at + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (isBefore(last, child)) break;
      entries[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    entries[at] = last;
    return first;
  }
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.number < b.number);
}
