const keysMax = 10_000;

/** The newest revision by key, of the keys that were told of last. */
export class Newest {
  private readonly revisions = new Map<string, number>();

  get(key: string): number | undefined {
    return this.revisions.get(key);
  }

  set(key: string, revision: number): void {
    this.revisions.delete(key);
    this.revisions.set(key, revision);
    if (this.revisions.size <= keysMax) return;
    for (const oldest of this.revisions.keys()) {
      this.revisions.delete(oldest);
      return;
    }
  }
}
