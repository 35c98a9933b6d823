/** Notices a task that is handed out again by a server that has forgotten that it did so before. */
export interface Handing {
  /** How often the server says that it handed it out, this time included. */
  readonly delivered: number;
  readonly sequence: number;
  /** When the queue took it, Unix milliseconds. */
  readonly atMs: number;
}

/**
 * A consumer hands out for the first time in the order of its stream. With copies, a server that comes to
 * lead may not know yet what the one before handed out and what was acknowledged, and begins again there: it
 * calls the first time what is not. Seen from one client that is a step back. A queue that began anew steps
 * back too, but what it holds is newer.
 */
export class FirstTimes {
  #sequence = 0;
  #atMs = 0;

  /** How often the task was handed out as far as can be known, this time included. */
  count({ delivered, sequence, atMs }: Handing): number {
    if (delivered > 1) return delivered;
    if (sequence <= this.#sequence && atMs <= this.#atMs) return 2;
    this.#sequence = sequence;
    this.#atMs = atMs;
    return 1;
  }
}
