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
  /** For refusals: never delays the answer; bounded, and what is left out is counted in the next record. */
  note(record: AuditRecord): void;
}

const notesWaitingMax = 100;

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
  return {
    write: append,
    note(record) {
      if (waiting >= notesWaitingMax) {
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
