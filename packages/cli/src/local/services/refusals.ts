/** What the bus refuses a control plane, said and kept. */
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
  bus: Pick<NatsBus, "onRefused">,
  of: { readonly audit: Pick<ControlPlane["audit"], "note">; readonly log: Pick<Log, "warn"> },
): () => void {
  const told = new Set<string>();
  return bus.onRefused(({ operation, subject }) => {
    const what = `${operation} ${subject}`;
    if (told.has(what) || told.size >= refusalsMax) return;
    told.add(what);
    of.log.warn("the bus refused what its permissions do not allow", { operation, subject });
    const refused = { did: operation, outcome: "refused", reason: "nats_permission", to: subject } as const;
    of.audit.note({ by: "control plane", ...refused });
  });
}
