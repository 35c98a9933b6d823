import type { Clock } from "./clock.ts";

/** Liveness: "restart me when this fails". Readiness: "send me no work while this fails". */
export type HealthKind = "liveness" | "readiness";

export interface CheckOptions {
  readonly kind: HealthKind;
  /** A success older than this no longer counts. */
  readonly maxAgeMs: number;
}

/** Held by the part that is checked: it reports, nobody probes it. */
export interface Check {
  ok(): void;
  /** Fails at once, with a word that says why, until the next `ok()`. No message: answers are public. */
  failed(reason: string): void;
  remove(): void;
}

export interface CheckReport {
  readonly name: string;
  readonly kind: HealthKind;
  readonly ok: boolean;
  /** RFC 3339; absent before the first success. */
  readonly lastOkAt?: string;
  readonly ageMs?: number;
  readonly maxAgeMs: number;
  readonly reason?: string;
}

export interface HealthReport {
  readonly ok: boolean;
  readonly checks: readonly CheckReport[];
}

export interface Health {
  add(name: string, options: CheckOptions): Check;
  /** Plain data. Without a kind, all checks. */
  report(kind?: HealthKind): HealthReport;
}

interface Entry extends CheckOptions {
  readonly name: string;
  readonly since: number;
  lastOk: number | undefined;
  lastOkWall: number;
  reason: string | undefined;
}

/**
 * Named checks by the age of their last success. A readiness check is not ok before its first success; a
 * liveness check has its maximum age to get there, so that a slow start is no reason for a restart.
 */
export function createHealth({ clock }: { clock: Clock }): Health {
  const entries = new Map<string, Entry>();
  return {
    add(name, options) {
      const since = clock.monotonic();
      const entry: Entry = { name, ...options, since, lastOk: undefined, lastOkWall: 0, reason: undefined };
      entries.set(name, entry);
      return {
        ok() {
          entry.lastOk = clock.monotonic();
          entry.lastOkWall = clock.now();
          entry.reason = undefined;
        },
        failed(reason) {
          entry.reason = reason;
        },
        remove() {
          if (entries.get(name) === entry) entries.delete(name);
        },
      };
    },
    report(kind) {
      const wanted = [...entries.values()].filter((entry) => kind === undefined || entry.kind === kind);
      const checks = wanted.map((entry) => reportOf(entry, clock.monotonic()));
      return { ok: checks.every((check) => check.ok), checks };
    },
  };
}

function reportOf(entry: Entry, now: number): CheckReport {
  const reason = reasonOf(entry, now);
  const { name, kind, maxAgeMs, lastOk, lastOkWall } = entry;
  return {
    name,
    kind,
    ok: reason === undefined,
    maxAgeMs,
    ...(lastOk === undefined ? {} : { lastOkAt: new Date(lastOkWall).toISOString(), ageMs: now - lastOk }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function reasonOf(entry: Entry, now: number): string | undefined {
  if (entry.reason !== undefined) return entry.reason;
  if (entry.lastOk === undefined) {
    const inGrace = entry.kind === "liveness" && now - entry.since <= entry.maxAgeMs;
    return inGrace ? undefined : "never_succeeded";
  }
  return now - entry.lastOk > entry.maxAgeMs ? "too_old" : undefined;
}
