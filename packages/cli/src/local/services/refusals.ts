/** What the bus refuses a control plane, and what this refuses workers, said and kept. */
import type { NatsBus } from "@agentflow/bus/nats";
import type { ControlPlane } from "@agentflow/control-plane";
import type { Log } from "@agentflow/host/log";

/** Each is told once: what is refused today is refused tomorrow. */
const refusalsMax = 100;

/**
 * What the server did not let this control plane do is in the audit trail. What it did not let a worker do
 * only the server knows, and writes in its own lines.
 */
export function watchRefusals(
  bus: Pick<NatsBus, "onRefused" | "onTurnedAway">,
  of: { readonly audit: Pick<ControlPlane["audit"], "note">; readonly log: Pick<Log, "warn"> },
): () => void {
  const told = new Set<string>();
  const forgetRefused = bus.onRefused(({ operation, subject }) => {
    const what = `${operation} ${subject}`;
    if (told.has(what) || told.size >= refusalsMax) return;
    told.add(what);
    of.log.warn("the bus refused what its permissions do not allow", { operation, subject });
    const refused = { did: operation, outcome: "refused", reason: "nats_permission", to: subject } as const;
    of.audit.note({ by: "control plane", ...refused });
  });
  // Each is in the trail, at a bounded rate; the log has what is new.
  const forgetTurned = bus.onTurnedAway(({ tenant, asked, about, reason }) => {
    of.audit.note({
      by: `a worker of ${tenant ?? "no tenant"}`,
      did: `ask to ${asked}`,
      outcome: "refused",
      reason,
      to: about,
    });
    const what = `${tenant} ${asked} ${reason} ${about}`;
    if (told.has(what) || told.size >= refusalsMax) return;
    told.add(what);
    of.log.warn("a worker was refused what is not its tenant's", { tenant, asked, about, reason });
  });
  return () => {
    forgetRefused();
    forgetTurned();
  };
}
