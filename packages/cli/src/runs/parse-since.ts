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

const intervalMinMs = 500;
const intervalMaxMs = 3_600_000;

/** A duration between two looks: half a second to an hour. */
export function parseInterval(text: string): number {
  const ms = readDuration(text);
  if (ms !== undefined && ms >= intervalMinMs && ms <= intervalMaxMs) return ms;
  throw new AgentFlowError("invalid_input", `${JSON.stringify(text.slice(0, 40))} is no interval`, {
    reason: "invalid_interval",
    suggestions: ["write 500ms, 2s or 1m: at least half a second, at most an hour"],
  });
}
