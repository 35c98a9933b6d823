/** What stands against deleting an installation's data. */
import { AgentFlowError } from "@agentflow/protocol";

/** Statuses of runs that nothing is left to be done for. */
const ended: ReadonlySet<string> = new Set(["completed", "failed", "cancelled", "archived"]);

/** Undefined when all runs have ended. */
export function runsInFlight(
  target: string,
  runs: Readonly<Record<string, number>>,
): AgentFlowError | undefined {
  const open = Object.entries(runs).filter(([status, count]) => !ended.has(status) && count > 0);
  const total = open.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return undefined;
  return new AgentFlowError(
    "refused",
    `${total} ${total === 1 ? "run is" : "runs are"} in flight on ${target}`,
    {
      reason: "runs_in_flight",
      details: { runs: Object.fromEntries(open), total },
      suggestions: [
        `which: af run list --context ${target}`,
        `keep the data: af down ${target} (without --volumes)`,
        "or delete all the same: --volumes --force",
      ],
    },
  );
}

/** `back` is the command that brings it up. */
export function runsUnknown(
  target: string,
  { back, cause }: { readonly back: string; readonly cause: unknown },
): AgentFlowError {
  return new AgentFlowError("refused", `whether ${target} has runs in flight cannot be asked`, {
    reason: "runs_unknown",
    suggestions: [`bring it up and ask: ${back}`, "or delete all the same: --volumes --force"],
    cause,
  });
}

export function confirmationNeeded(): AgentFlowError {
  return new AgentFlowError("invalid_input", "deleting data cannot be undone, and nobody can be asked here", {
    reason: "confirmation_needed",
    suggestions: ["pass --yes"],
  });
}
