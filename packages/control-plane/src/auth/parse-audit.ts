import type { LogEntry } from "@agentflow/bus";
import type { KeptAudit } from "./audit-record.ts";

/** A record as it stands in the trail; undefined for what this build does not know. */
export function parseAudit({ revision, body }: LogEntry): KeptAudit | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null || !("kind" in value)) return undefined;
    const { v: _, kind, ...record } = value as { readonly v: number; readonly kind: unknown };
    return kind === "audit" ? ({ ...record, revision } as unknown as KeptAudit) : undefined;
  } catch {
    return undefined;
  }
}
