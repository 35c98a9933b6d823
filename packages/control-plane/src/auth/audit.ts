/** The audit trail: who did what, in the installation's own log. Refusals at the gate are in it too. */
import type { Bus } from "@agentflow/bus";
import type { Clock, Timers } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import { type TenantId, installationToken, instant, subjects } from "@agentflow/protocol";
import type { AuditRecord, KeptAudit } from "./audit-record.ts";
import { parseAudit } from "./parse-audit.ts";

export interface Audit {
  /** Written before the caller is answered; a trail that cannot be written refuses what must be trailed. */
  write(tenant: Trail, record: AuditRecord): Promise<void>;
  /**
   * For refusals: never delays the answer. Bounded in number and, for each reason and caller, in rate: any
   * page that a browser has open can make refusals by the thousand, and the trail is kept for ever. What is
   * left out is counted, and the count is written with the last of them within a minute.
   */
  note(record: AuditRecord): void;
  /** Records behind a revision, oldest first, at most `limit`. */
  read(tenant: Trail, of: { readonly after: number; readonly limit: number }): Promise<AuditPage>;
}

/** A tenant's own, or that of the installation: refusals, and what is done to all. */
export type Trail = TenantId | typeof installationToken;

export interface AuditPage {
  readonly records: readonly KeptAudit[];
  /** Ask behind it for more; undefined at the end. */
  readonly next?: number;
}

export const noteLimits = {
  waitingMax: 100,
  /** So many of one reason and caller may come at once. */
  burst: 100,
  /** One more is written each so often. */
  refillMs: 60_000,
  /** Callers that are told apart; beyond, all of one reason are one. */
  callersMax: 1_000,
} as const;

export interface AuditOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** Refusals of one reason and caller. */
interface Flood {
  /** When all of its burst may be used again. */
  fullAtMs: number;
  left: number;
  last: AuditRecord;
}

export function createAudit({ bus, clock, timers, log }: AuditOptions): Audit {
  let waiting = 0;
  const floods = new Map<string, Flood>();
  const append = async (tenant: Trail, record: object): Promise<void> => {
    const body = { v: 1, kind: "audit", at: instant(clock.now()), ...record };
    await bus.log.append(subjects.audit(tenant), JSON.stringify(body), { expect: "any" });
  };
  const keep = (record: object): void => {
    waiting++;
    append(installationToken, record)
      .catch((error: unknown) => log.warn("an audit record was not written", { error: String(error) }))
      .finally(() => waiting--);
  };
  const floodOf = (record: AuditRecord, now: number): Flood => {
    const own = `${record.reason ?? ""} ${record.by}`;
    if (!floods.has(own) && floods.size >= noteLimits.callersMax) {
      for (const [key, { fullAtMs, left }] of floods) if (fullAtMs < now && left === 0) floods.delete(key);
    }
    const key = floods.has(own) || floods.size < noteLimits.callersMax ? own : (record.reason ?? "");
    const flood = floods.get(key) ?? { fullAtMs: 0, left: 0, last: record };
    floods.set(key, flood);
    return flood;
  };
  const tellLeft = (flood: Flood): void => {
    const { left, last } = flood;
    flood.left = 0;
    flood.fullAtMs = Math.max(flood.fullAtMs, clock.monotonic()) + noteLimits.refillMs;
    keep({ ...last, leftOut: left - 1 });
  };
  return {
    write: append,
    async read(tenant, { after, limit }) {
      const entries = await bus.log.read(subjects.audit(tenant), { after, limit });
      const records = entries.flatMap((entry) => parseAudit(entry) ?? []);
      const last = entries.at(-1);
      return last === undefined || entries.length < limit ? { records } : { records, next: last.revision };
    },
    note(record) {
      const { burst, refillMs, waitingMax } = noteLimits;
      const now = clock.monotonic();
      const flood = floodOf(record, now);
      const nextMs = Math.max(flood.fullAtMs, now) + refillMs;
      if (waiting < waitingMax && flood.left === 0 && nextMs - now <= burst * refillMs) {
        flood.fullAtMs = nextMs;
        return keep(record);
      }
      flood.last = record;
      if (flood.left++ === 0) timers.after(refillMs, () => tellLeft(flood), { background: true });
    },
  };
}
