/** What attempts found when they took a journal over: how often each point of a turn was really struck. */
import type { JournalView } from "@agentflow/protocol";

export const finds = ["model call open", "tool call open", "irreversible open", "between calls"] as const;
export type Find = (typeof finds)[number];

export function findsOf(records: readonly JournalView[]): Find[] {
  return records.flatMap(({ record }) => {
    const [first] = record.events;
    if (first?.kind !== "attempt_took_over" || first.attempt === 1) return [];
    const kinds = new Set(record.events.map(({ kind }) => kind));
    if (kinds.has("call_unknown")) return ["irreversible open"];
    if (kinds.has("call_lost")) return ["tool call open"];
    return [kinds.has("model_lost") ? "model call open" : "between calls"];
  });
}
