/** The audit trail: who did what, in the installation's own log. Refusals at the gate are in it too. */
import type { Bus } from "@agentflow/bus";
import type { Clock } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import { type TenantId, installationToken, instant, subjects } from "@agentflow/protocol";

export interface AuditRecord {
  /** Principal's name, or `unknown`. */
  readonly by: string;
  /** Operation id of the API. */
  readonly did: string;
  readonly outcome: "done" | "refused";
  readonly reason?: string;
  /** What it was done to: a run, a workflow, a key. */
  readonly to?: string;
}

export interface Audit {
  /** Written before the caller is answered; a trail that cannot be written refuses what must be trailed. */
  write(tenant: TenantId | typeof installationToken, record: AuditRecord): Promise<void>;
  /**
   * For refusals: never delays the answer. Bounded in number and, for each reason, in rate: any page that a
   * browser has open can make refusals by the thousand, and the trail is kept for ever. What is left out is
   * counted in the next record.
   */
  note(record: AuditRecord): void;
}

export const noteLimits = {
  waitingMax: 100,
  /** So many of one reason may come at once. */
  burst: 100,
  /** One more is written each so often. */
  refillMs: 1_000,
} as const;

export function createAudit(options: { bus: Bus; clock: Clock; log: Log }): Audit {
  const { bus, clock, log } = options;
  let waiting = 0;
  let left = 0;
  const append = async (tenant: TenantId | typeof installationToken, record: AuditRecord): Promise<void> => {
    const more = left > 0 ? { leftOut: left } : {};
    left = 0;
    const body = { v: 1, kind: "audit", at: instant(clock.now()), ...record, ...more };
    await bus.log.append(subjects.audit(tenant), JSON.stringify(body), { expect: "any" });
  };
  // The reasons of refusals are ours, and few.
  const fullAt = new Map<string, number>();
  const mayWrite = (reason: string): boolean => {
    const { burst, refillMs, waitingMax } = noteLimits;
    const now = clock.monotonic();
    const next = Math.max(fullAt.get(reason) ?? 0, now) + refillMs;
    if (waiting >= waitingMax || next - now > burst * refillMs) return false;
    fullAt.set(reason, next);
    return true;
  };
  return {
    write: append,
    note(record) {
      if (!mayWrite(record.reason ?? "")) {
        left++;
        return;
      }
      waiting++;
      append(installationToken, record)
        .catch((error: unknown) => log.warn("an audit record was not written", { error: String(error) }))
        .finally(() => waiting--);
    },
  };
}
