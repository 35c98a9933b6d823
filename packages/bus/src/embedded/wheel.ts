/** Something due at an instant of `performance.now()`. Belongs to one wheel at a time. */
export interface Timed {
  slot: Set<Timed> | undefined;
  expire(): void;
}

const fineMs = 20;
/** Long waits share coarser slots, so that a hundred thousand leases stand in a hundred slots. */
const coarseMs = 12 * fineMs;
const longMs = 2_000;

/** One timer for all that may become due: putting in and taking out cost a set each. Late by a slot. */
export class Wheel {
  readonly #slots = new Map<number, Set<Timed>>();
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Infinity;

  add(timed: Timed, afterMs: number): void {
    const grain = afterMs > longMs ? coarseMs : fineMs;
    const at = Math.ceil((performance.now() + afterMs) / grain) * grain;
    let slot = this.#slots.get(at);
    if (slot === undefined) {
      slot = new Set();
      this.#slots.set(at, slot);
    }
    slot.add(timed);
    timed.slot = slot;
    if (at < this.#wakeAt) this.#wake(at);
  }

  remove(timed: Timed): void {
    timed.slot?.delete(timed);
    timed.slot = undefined;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#slots.clear();
    this.#wakeAt = Infinity;
  }

  #wake(at: number): void {
    clearTimeout(this.#timer);
    this.#wakeAt = at;
    this.#timer = setTimeout(() => this.#turn(), Math.max(1, at - performance.now()));
    this.#timer.unref();
  }

  #turn(): void {
    this.#wakeAt = Infinity;
    const now = performance.now();
    const due: (readonly [Timed, Set<Timed>])[] = [];
    for (const [at, slot] of this.#slots) {
      if (at > now && slot.size > 0) continue;
      this.#slots.delete(at);
      for (const timed of slot) due.push([timed, slot]);
    }
    for (const [timed, slot] of due) {
      // One that was moved or taken out meanwhile, by another's expiry, is not due any more.
      if (timed.slot !== slot) continue;
      timed.slot = undefined;
      timed.expire();
    }
    const next = this.#earliest();
    if (next < this.#wakeAt) this.#wake(next);
  }

  #earliest(): number {
    let earliest = Infinity;
    for (const at of this.#slots.keys()) if (at < earliest) earliest = at;
    return earliest;
  }
}
