/** Instants as people read them. */
import { type Instant, showDuration } from "@agentflow/protocol";

/** `3m 4s ago`; in the future `in 30s`; a dash when there is none. */
export function ago(at: Instant | undefined, nowMs: number): string {
  if (at === undefined) return "–";
  const ms = nowMs - Date.parse(at);
  if (!Number.isFinite(ms)) return at;
  return ms >= 0 ? `${showDuration(ms)} ago` : `in ${showDuration(-ms)}`;
}

/** How long from one instant to another, or until now. */
export function took(from: Instant, to: Instant | undefined, nowMs: number): string {
  const end = to === undefined ? nowMs : Date.parse(to);
  return showDuration(Math.max(0, end - Date.parse(from)));
}

/** Local wall time with milliseconds, `12:04:33.120`. */
export function clockTime(at: Instant): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const two = (n: number): string => String(n).padStart(2, "0");
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
