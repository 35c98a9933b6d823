/** What happened, in a few lines: kept short, printed when a seed fails. */
import type { Log } from "@agentflow/host/log";
import type { VirtualTime } from "@agentflow/host/virtual";

const linesMax = 400;

export class Trace {
  private readonly kept: string[] = [];
  private readonly time: VirtualTime;

  constructor(time: VirtualTime) {
    this.time = time;
  }

  say(who: string, what: string): void {
    if (this.kept.length >= linesMax) this.kept.shift();
    this.kept.push(`${this.time.monotonic().toFixed(0).padStart(8)} ms  ${who.padEnd(12)} ${what}`);
  }

  lines(): readonly string[] {
    return this.kept;
  }
}

/** The log of a simulated process: warnings and errors go to the trace, the rest nowhere. */
export function traceLog(trace: Trace, who: string): Log {
  const tell = (message: string, fields?: { readonly [key: string]: unknown }): void => {
    trace.say(who, `${message}${fields === undefined ? "" : ` ${shown(fields)}`}`);
  };
  const nothing = (): void => undefined;
  const log: Log = {
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: tell,
    error: tell,
    fatal: tell,
    child: () => log,
    isEnabled: (level) => level === "warn" || level === "error" || level === "fatal",
    setLevel: nothing,
    setLevels: nothing,
    dropped: () => 0,
    close: async () => undefined,
  };
  return log;
}

function shown(fields: { readonly [key: string]: unknown }): string {
  const plain = Object.entries(fields).map(([name, value]) => {
    if (value instanceof Error) return `${name}=${value.message}`;
    return `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`;
  });
  return plain.join(" ").slice(0, 300);
}
