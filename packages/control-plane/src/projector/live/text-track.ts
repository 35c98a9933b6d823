/** The text of one reply so far, as its pieces came. */
export class TextTrack {
  /** Place of the first character that is kept. */
  #from = 0;
  #pieces: string[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get end(): number {
    return this.#from + this.#length;
  }

  /** What lies before a piece that does not join on was lost on the way, and is let go of. */
  add(from: number, text: string): void {
    const fresh = from > this.end ? text : text.slice(this.end - from);
    if (from > this.end) this.forget(from);
    if (fresh === "") return;
    this.#pieces.push(fresh);
    this.#length += fresh.length;
  }

  /** Keeps nothing of what was told, and goes on at a place. */
  forget(at = this.end): void {
    this.#from = at;
    this.#pieces = [];
    this.#length = 0;
  }

  all(): { readonly from: number; readonly text: string } {
    // Joined once: the next one who asks has one piece to look at.
    this.#pieces = [this.#pieces.join("")];
    return { from: this.#from, text: this.#pieces[0] ?? "" };
  }
}
