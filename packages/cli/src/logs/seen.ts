/** Which numbered records were shown already: each once, whichever way it comes and however often. */
import type { LogRecord } from "@agentflow/protocol";

const writersMax = 10_000;

export class Seen {
  private readonly last = new Map<string, number>();

  /** Whether it is new; from now on it is not. Records without a number are always new. */
  take({ writer, seq }: Pick<LogRecord, "writer" | "seq">): boolean {
    if (writer === undefined || seq === undefined) return true;
    if (seq <= this.lastOf(writer)) return false;
    // Those that write stay at the end of the map, where a new one is put.
    this.last.delete(writer);
    this.last.set(writer, seq);
    if (this.last.size > writersMax) {
      const [oldest] = this.last.keys();
      if (oldest !== undefined) this.last.delete(oldest);
    }
    return true;
  }

  lastOf(writer: string): number {
    return this.last.get(writer) ?? 0;
  }
}
