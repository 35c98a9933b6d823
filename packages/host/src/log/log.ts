import { type LogLevel, type LogSource, logLevels } from "@agentflow/protocol";
import type { Clock } from "../clock.ts";
import { boundText, type CleanOptions, cleanFields, logLimits } from "./clean.ts";
import { type Numbering, numbered } from "./numbering.ts";
import { type Output, stampOf } from "./outputs.ts";
import { redactLine } from "./parse-line.ts";
import { createSecrets, type Secrets } from "./secrets.ts";
import { escapeControlsInJson } from "./text.ts";

/** What a line belongs to. These stand at the top of the record, so that they can be filtered by. */
export interface Correlation {
  readonly tenant?: string;
  readonly run?: string;
  readonly step?: string;
  readonly attempt?: number;
  readonly trace?: string;
  readonly span?: string;
  readonly worker?: string;
  /** The component; a level set for this name applies. */
  readonly component?: string;
}

/** Data of one line: made plain, bounded and free of secrets before it is written. */
export type Fields = { readonly [key: string]: unknown };

type Say = (message: string, fields?: Fields) => void;

export interface Log {
  readonly trace: Say;
  readonly debug: Say;
  readonly info: Say;
  readonly warn: Say;
  readonly error: Say;
  /** Also flushes every output before it returns: the next thing may be the end. */
  readonly fatal: Say;
  /** The same log with these ids on every line. */
  child(correlation: Correlation): Log;
  /** Whether such a line would be written: ask before building costly fields. */
  isEnabled(level: LogLevel): boolean;
  /** From now on, for everything already made from this log too; with a component, for that one only. */
  setLevel(level: LogLevel, component?: string): void;
  /** Sets default and overrides at once, as a reloaded configuration does. */
  setLevels(level: LogLevel, levels?: Levels): void;
  /** Lines that an output refused by throwing. */
  dropped(): number;
  close(): Promise<void>;
}

export type Levels = { readonly [component: string]: LogLevel };

export interface LogOptions {
  readonly source: LogSource;
  readonly component?: string;
  readonly clock: Clock;
  readonly outputs: readonly Output[];
  /** `info`. */
  readonly level?: LogLevel;
  /** Overrides by component. */
  readonly levels?: Levels;
  readonly secrets?: Secrets;
  /** Numbers each line; without it lines have no numbers. */
  readonly numbering?: Numbering;
  /** Write errors' messages, not only their codes. For a person's own terminal; never for what travels. */
  readonly errorMessages?: boolean;
}

/** Structured logs: one JSON record a line, of the shape `LogRecord`; no transports, no threads. */
export function createLog(options: LogOptions): Log {
  const core = new LogCore(options);
  return core.make(options.component === undefined ? {} : { component: options.component });
}

/** The least rank that is written; shared by all loggers of a component, so a change reaches them all. */
interface Gate {
  rank: number;
}

class LogCore {
  private readonly source: LogSource;
  private readonly stamp: () => string;
  private readonly outputs: readonly Output[];
  private readonly clean: CleanOptions;
  private readonly number: () => string;
  private readonly gates = new Map<string, Gate>();
  private level: LogLevel;
  private levels: Levels;
  private lost = 0;

  constructor(options: LogOptions) {
    this.outputs = options.outputs;
    this.level = options.level ?? "info";
    this.levels = options.levels ?? {};
    const secrets = options.secrets ?? createSecrets();
    this.clean = { secrets, errorMessages: options.errorMessages ?? false };
    this.source = options.source;
    const { numbering } = options;
    this.number = numbering === undefined ? () => "" : () => numbered(numbering);
    this.stamp = stampOf(options.clock);
  }

  make(correlation: Correlation): Log {
    const { component, ...ids } = correlation;
    const name = component === undefined ? {} : { name: component };
    const top = JSON.stringify({ v: 1, kind: "log", source: this.source, ...name, ...bounded(ids) });
    // Written once for all lines of this log: what differs is put around it.
    const bound = top.slice(1, -1);
    const gate = this.gateOf(component ?? "");
    const say = (level: LogLevel): Say => {
      const rank = logLevels.indexOf(level);
      return (message, fields) => {
        if (rank >= gate.rank) this.say({ level, bound, tenant: ids.tenant }, message, fields);
      };
    };
    return {
      trace: say("trace"),
      debug: say("debug"),
      info: say("info"),
      warn: say("warn"),
      error: say("error"),
      fatal: say("fatal"),
      child: (more) => this.make({ ...correlation, ...more }),
      isEnabled: (level) => logLevels.indexOf(level) >= gate.rank,
      setLevel: (level, only) => {
        if (only === undefined) this.setLevels(level, this.levels);
        else this.setLevels(this.level, { ...this.levels, [only]: level });
      },
      setLevels: (level, levels = {}) => this.setLevels(level, levels),
      dropped: () => this.lost,
      close: () => this.close(),
    };
  }

  private say(
    to: { level: LogLevel; bound: string; tenant: string | undefined },
    message: string,
    fields?: Fields,
  ) {
    const { level, tenant } = to;
    const text = boundText(message, logLimits.messageBytesMax, this.clean.secrets);
    const head = { ...to, number: this.number() };
    let written = this.record(head, text, fields === undefined ? undefined : cleanFields(fields, this.clean));
    if (written.length > logLimits.lineBytesMax) {
      written = this.record(head, text, { cut: `fields of ${written.length} characters` });
    }
    const line = escapeControlsInJson(redactLine(written, this.clean.secrets));
    for (const output of this.outputs) this.guard(() => output.write(line, { level, tenant }));
    if (level === "fatal") for (const output of this.outputs) this.guard(() => output.flushSync?.());
  }

  private record(
    of: { level: LogLevel; bound: string; number: string },
    message: string,
    fields: Fields | undefined,
  ): string {
    const data = fields === undefined ? "" : `,"fields":${JSON.stringify(fields)}`;
    const head = `{${of.number}"level":"${of.level}"${this.stamp()},${of.bound}`;
    return `${head}${data},"message":${JSON.stringify(message)}}`;
  }

  /** A log that fails must not fail its caller. */
  private guard(write: () => void): void {
    try {
      write();
    } catch {
      this.lost++;
    }
  }

  private gateOf(component: string): Gate {
    const known = this.gates.get(component);
    if (known !== undefined) return known;
    const gate = { rank: this.rankOf(component) };
    this.gates.set(component, gate);
    return gate;
  }

  private rankOf(component: string): number {
    const own = Object.hasOwn(this.levels, component) ? this.levels[component] : undefined;
    return logLevels.indexOf(own ?? this.level);
  }

  private setLevels(level: LogLevel, levels: Levels): void {
    this.level = level;
    this.levels = levels;
    for (const [component, gate] of this.gates) gate.rank = this.rankOf(component);
  }

  private async close(): Promise<void> {
    for (const output of this.outputs) {
      this.guard(() => output.flushSync?.());
      try {
        await output.close?.();
      } catch {
        this.lost++;
      }
    }
  }
}

/** Ids are short; what a caller passes as one may not be. */
function bounded(ids: Correlation): { [key: string]: string | number } {
  const out: { [key: string]: string | number } = {};
  for (const [key, value] of Object.entries(ids)) {
    if (typeof value === "number") out[key] = value;
    else if (typeof value === "string") out[key] = value.slice(0, 200);
  }
  return out;
}
