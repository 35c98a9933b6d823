/** Durations as people write them: `250ms`, `30s`, `5m`, `24h`, `7d`. */
import { AgentFlowError } from "./errors.ts";

export const durationPattern = /^([0-9]{1,9})(ms|s|m|h|d)$/;
const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** One year: nothing in a definition waits longer. */
export const durationMsMax = 366 * unitMs.d;

/** A written duration in milliseconds, or undefined when it is not one or is longer than a year. */
export function readDuration(text: string): number | undefined {
  const match = durationPattern.exec(text);
  const unit = match?.[2];
  if (match === null || (unit !== "ms" && unit !== "s" && unit !== "m" && unit !== "h" && unit !== "d")) {
    return undefined;
  }
  const ms = Number(match[1]) * unitMs[unit];
  return ms <= durationMsMax ? ms : undefined;
}

/** As `readDuration`, but refuses what is not a duration. */
export function parseDuration(text: string): number {
  const ms = readDuration(text);
  if (ms !== undefined) return ms;
  throw new AgentFlowError("invalid_input", `${JSON.stringify(text.slice(0, 40))} is not a duration`, {
    reason: "invalid_duration",
    suggestions: ["write 250ms, 30s, 5m, 24h or 7d; at most 366d"],
  });
}

/** Milliseconds as a person reads them: `250ms`, `1.2s`, `3m 4s`, `2h 5m`, `3d 4h`. */
export function showDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)}s`;
  // Each unit is rounded before it is split, so that nothing reads "3m 60s".
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
  const hours = Math.round(ms / 3_600_000);
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
