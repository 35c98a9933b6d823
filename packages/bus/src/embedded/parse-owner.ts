/** The lock file's text as an owner, or undefined when it is no such text. */
export interface Owner {
  readonly pid: number;
  /** The process's start as its system tells it: a pid that was given out anew does not have the same. */
  readonly started: string;
  /** Where it serves others, once it does. */
  readonly socket?: string;
}

export function parseOwner(text: string): Owner | undefined {
  try {
    const { pid, started, socket } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== "number" || typeof started !== "string") return undefined;
    return typeof socket === "string" ? { pid, started, socket } : { pid, started };
  } catch {
    return undefined;
  }
}
