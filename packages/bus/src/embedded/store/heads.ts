/** Heads of the subjects written last, at most this many in each of two generations. */
const headsMax = 10_000;

/**
 * The revisions of hot subjects' last records, so that their fence costs no read. Two generations: when the
 * young one is full it becomes the old one, and what nobody asked for meanwhile is forgotten. (One map that
 * drops its oldest key each time walks over all the keys it dropped before.)
 */
export class Heads {
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  get(subject: string): number | undefined {
    return this.#young.get(subject) ?? this.#old.get(subject);
  }

  set(subject: string, revision: number): void {
    if (this.#young.size >= headsMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(subject, revision);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
