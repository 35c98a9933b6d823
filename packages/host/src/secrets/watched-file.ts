/** A small file that is read again when it has changed: a look costs one `stat`. */
import { AgentFlowError } from "@agentflow/protocol";
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from "node:fs";

export class WatchedFile<T> {
  readonly path: string;
  readonly #read: (path: string) => T;
  readonly #empty: T;
  #seen = "never";
  #value: T;
  #fault: AgentFlowError | undefined;

  /** What `read` throws becomes the file's fault, and its value is then the empty one. */
  constructor(path: string, of: { readonly empty: T; readonly read: (path: string) => T }) {
    this.path = path;
    this.#read = of.read;
    this.#empty = of.empty;
    this.#value = of.empty;
  }

  get value(): T {
    return this.#value;
  }

  get fault(): AgentFlowError | undefined {
    return this.#fault;
  }

  /** True when it was read again. */
  look(): boolean {
    const now = stampOf(this.path);
    if (now === this.#seen) return false;
    this.#seen = now;
    this.#fault = undefined;
    try {
      this.#value = now === "none" ? this.#empty : this.#read(this.path);
    } catch (error) {
      this.#value = this.#empty;
      this.#fault = AgentFlowError.is(error) ? error : unreadable(this.path, error);
    }
    return true;
  }
}

const textBytesMax = 1024 * 1024;

/** The text of a plain file of at most 1 MiB; a pipe or a device is not waited for. */
export function readPlainText(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { mode, size } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw unreadable(path, "it is no file");
    if (size > textBytesMax) throw unreadable(path, "it is larger than 1 MiB");
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

/** What differs once the file is another one; "none" when there is none. */
export function stampOf(path: string): string {
  try {
    const { mtimeNs, ctimeNs, size, ino } = statSync(path, { bigint: true });
    return `${mtimeNs}.${ctimeNs}.${size}.${ino}`;
  } catch {
    return "none";
  }
}

function unreadable(path: string, cause: unknown): AgentFlowError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  const why = code ?? (typeof cause === "string" ? cause : "it is not text");
  return new AgentFlowError("unavailable", `${path} cannot be read (${why})`, { reason: "file_unreadable" });
}
