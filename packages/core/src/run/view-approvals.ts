/** What people were asked in a run, and what they said, from its history alone. */
import type {
  ApprovalDecided,
  ApprovalRequested,
  ApprovalStatus,
  ApprovalView,
  RunEvent,
  RunId,
} from "@agentflow/protocol";
import type { LogEntry } from "./view.ts";

/** In the order in which they were asked. Withdrawn: its step or run ended before anybody answered. */
export function viewApprovals(
  entries: readonly LogEntry[],
  { run }: { readonly run: RunId },
): ApprovalView[] {
  const found = new Map<number, Seen>();
  const open: Open = new Map();
  let workflow = "";
  for (const event of entries.flatMap(({ commit }) => commit.events)) {
    if (event.kind === "run_started") workflow = event.workflow;
    else if (event.kind === "approval_requested") {
      found.set(event.n, { asked: event });
      open.set(event.step, [...(open.get(event.step) ?? []), event.n]);
    } else if (event.kind === "approval_decided") {
      const seen = found.get(event.n);
      if (seen !== undefined) found.set(event.n, { ...seen, decided: event });
    } else withdraw({ found, open }, event);
  }
  return [...found.values()].map((seen) => viewOf({ run, workflow }, seen));
}

interface Seen {
  readonly asked: ApprovalRequested;
  readonly decided?: ApprovalDecided;
  readonly withdrawnAt?: string;
}

/** Numbers that were asked for by steps that have not ended. */
type Open = Map<string, readonly number[]>;

function withdraw({ found, open }: { found: Map<number, Seen>; open: Open }, event: RunEvent): void {
  const isStepEnd = stepEnds.has(event.kind) && "step" in event && event.step !== undefined;
  const steps = isStepEnd ? [event.step] : runEnds.has(event.kind) ? [...open.keys()] : [];
  for (const step of steps) {
    for (const n of open.get(step) ?? []) {
      const seen = found.get(n);
      if (seen !== undefined && seen.decided === undefined) found.set(n, { ...seen, withdrawnAt: event.at });
    }
    open.delete(step);
  }
}

const stepEnds = new Set<RunEvent["kind"]>([
  "step_succeeded",
  "step_failed",
  "step_caught",
  "step_cancelled",
]);
const runEnds = new Set<RunEvent["kind"]>(["run_completed", "run_failed", "run_cancelled"]);

function viewOf(of: { run: RunId; workflow: string }, { asked, decided, withdrawnAt }: Seen): ApprovalView {
  const { n, step, call, shown, hash, at, expiresAt } = asked;
  const decidedAt = decided?.at ?? withdrawnAt;
  return {
    approval: `${of.run}-${n}`,
    ...of,
    step,
    ...(call === undefined ? {} : { call }),
    status: statusOf(decided, withdrawnAt),
    shown,
    hash,
    requestedAt: at,
    expiresAt,
    ...(decidedAt === undefined ? {} : { decidedAt }),
    ...(decided?.by === undefined ? {} : { by: decided.by }),
    ...(decided?.comment === undefined ? {} : { comment: decided.comment }),
  };
}

function statusOf(decided: ApprovalDecided | undefined, withdrawnAt: string | undefined): ApprovalStatus {
  if (decided !== undefined)
    return decided.how === "expired" ? "expired" : decided.approved ? "approved" : "denied";
  return withdrawnAt === undefined ? "open" : "withdrawn";
}
