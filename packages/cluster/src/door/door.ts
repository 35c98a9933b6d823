/** A way to an API that cannot be reached from here: a port of this machine leads there while it is open. */
export interface Door {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** Ends what goes through it. */
  close(): Promise<void>;
}
