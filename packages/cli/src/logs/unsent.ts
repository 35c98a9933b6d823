/**
 * What containers printed and the bus has not brought yet. A process that is killed never sends its last
 * lines: once its container has ended, those that the bus did not bring are taken from here.
 */
import type { LogRecord } from "@agentflow/protocol";
import type { Output } from "./containers.ts";
import type { Seen } from "./seen.ts";

/** So long after a container's end the bus has brought what it will bring. */
export const lateMs = 2_000;
const heldMax = 100_000;

interface Held {
  readonly copy: string;
  /** In the order of its numbers. */
  readonly lines: Output[];
  /** How many were let go for want of room, and the numbers of the first and the last. */
  gone: { readonly count: number; readonly first: number; readonly last: number } | undefined;
}

export class Unsent {
  private readonly seen: Seen;
  private readonly max: number;
  private readonly held = new Map<string, Held>();
  private count = 0;

  constructor(seen: Seen, max = heldMax) {
    this.seen = seen;
    this.max = max;
  }

  keep(output: Output): void {
    const { writer, seq, copy } = output;
    if (writer === undefined || seq === undefined || seq <= this.seen.lastOf(writer)) return;
    const held = this.held.get(writer) ?? { copy, lines: [], gone: undefined };
    this.held.set(writer, held);
    held.lines.push(output);
    this.count++;
    if (held.lines.length % 256 === 0 || this.count > this.max) this.forget(writer, held);
  }

  /** Those of one container, or of all, that the bus has not brought; they are held no more. */
  take(copy?: string): LogRecord[] {
    const out: LogRecord[] = [];
    for (const [writer, held] of this.held) {
      if (copy !== undefined && held.copy !== copy) continue;
      this.held.delete(writer);
      this.count -= held.lines.length;
      const last = this.seen.lastOf(writer);
      const lines = held.lines.filter(({ seq = 0 }) => seq > last);
      const gap = gapOf(held, { last, next: lines[0] });
      if (gap !== undefined) out.push(gap);
      for (const line of lines) {
        const record = line.record();
        if (record !== undefined) out.push(record);
      }
    }
    return out;
  }

  /** What the bus has brought; and the older half of what it never brings. */
  private forget(writer: string, held: Held): void {
    const { lines } = held;
    const last = this.seen.lastOf(writer);
    const first = lines.findIndex(({ seq = 0 }) => seq > last);
    const brought = first === -1 ? lines.length : first;
    const over = this.count > this.max ? lines.length >> 1 : 0;
    const away = lines.splice(0, Math.max(brought, over)).slice(brought);
    this.count -= Math.max(brought, over);
    const [from, to] = [away[0]?.seq, away.at(-1)?.seq];
    if (held.gone !== undefined && held.gone.last <= last) held.gone = undefined;
    if (from !== undefined && to !== undefined) {
      const { count = 0, first: earliest = from } = held.gone ?? {};
      held.gone = { count: count + away.length, first: earliest, last: to };
    }
    if (lines.length === 0 && held.gone === undefined) this.held.delete(writer);
  }
}

/** As a gap on the bus is told; what the bus brought after all is none. */
function gapOf(
  { copy, gone }: Held,
  { last, next }: { readonly last: number; readonly next: Output | undefined },
): LogRecord | undefined {
  if (gone === undefined) return undefined;
  const lost = Math.min(gone.count, gone.last - Math.max(last, gone.first - 1));
  if (lost <= 0) return undefined;
  const what = lost === 1 ? "record" : "records";
  return {
    kind: "log",
    at: next?.record()?.at ?? new Date().toISOString(),
    level: "warn",
    source: "bus",
    name: "gap",
    message: `${lost} ${what} of ${copy} lost here: its container ended before it sent them`,
    fields: { lost, from: copy },
  };
}
