/** Who listens to something that is said once in a while. */
export class Heard<T> {
  readonly #listeners = new Set<(said: T) => void>();

  listen(fn: (said: T) => void): () => void {
    this.#listeners.add(fn);
    return () => void this.#listeners.delete(fn);
  }

  tell(said: T): void {
    for (const fn of this.#listeners) fn(said);
  }
}
