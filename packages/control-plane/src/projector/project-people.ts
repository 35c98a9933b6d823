/** What commits say of people and of usage, as changes of rows. */
import {
  type ApprovalDecided,
  type ApprovalRequested,
  type Commit,
  type DispatchTask,
  type RunEvent,
  unixMs,
} from "@agentflow/protocol";
import type { ApprovalChange, RunDelta, UsageChange } from "./read-rows.ts";

export function noteApproval(delta: RunDelta, event: ApprovalRequested): void {
  const { n, step, call, shown, hash, at, expiresAt } = event;
  change(delta, {
    kind: "asked",
    n,
    step,
    ...(call === undefined ? {} : { call }),
    shown: JSON.stringify(shown),
    hash,
    requestedAtMs: unixMs(at),
    expiresAtMs: unixMs(expiresAt),
  });
}

export function noteDecision(delta: RunDelta, { n, at, approved, how, by, comment }: ApprovalDecided): void {
  change(delta, {
    kind: "closed",
    n,
    status: how === "expired" ? "expired" : approved ? "approved" : "denied",
    atMs: unixMs(at),
    ...(by === undefined ? {} : { by }),
    ...(comment === undefined ? {} : { comment }),
  });
}

/** `mark` is what the projection keeps of it: `<step> #<n>`; others are no approvals. */
export function withdraw(delta: RunDelta, mark: string, at: string): void {
  const n = Number(/ #([0-9]+)$/.exec(mark)?.[1]);
  if (Number.isInteger(n)) change(delta, { kind: "closed", n, status: "withdrawn", atMs: unixMs(at) });
}

/** Which agent a step's usage is of: events do not say. */
export function noteAgent(delta: RunDelta, { uses, step }: DispatchTask, { events }: Commit): void {
  const at = events[0]?.at;
  if (uses.kind !== "agent" || at === undefined) return;
  use(delta, { kind: "agent", step, agent: uses.name, atMs: unixMs(at) });
}

export function noteUsage(delta: RunDelta, event: RunEvent): void {
  if (!("usage" in event) || event.usage === undefined) return;
  use(delta, { kind: "used", step: event.step, usage: event.usage, atMs: unixMs(event.at) });
}

function change(delta: RunDelta, one: ApprovalChange): void {
  (delta.approvals ??= []).push(one);
}

function use(delta: RunDelta, one: UsageChange): void {
  (delta.usage ??= []).push(one);
}
