import { AgentFlowError, instant, readDuration } from "@agentflow/protocol";

/** `10m` (so long ago) or an RFC 3339 time, as an instant. */
export function readSince(text: string, nowMs: number): string {
  const ms = readDuration(text);
  if (ms !== undefined) return instant(nowMs - ms);
  const at = Date.parse(text);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && Number.isFinite(at)) return instant(at);
  throw new AgentFlowError(
    "invalid_input",
    `${JSON.stringify(text.slice(0, 60))} is neither a duration nor a time`,
    {
      reason: "invalid_time",
      suggestions: ["write 10m, 2h, 1d, or 2026-01-31T12:00:00Z"],
    },
  );
}
