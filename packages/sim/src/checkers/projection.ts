/** The read model says what the log says: one row a run, with its status, and counts that add up. */
import type { RunSummary } from "@agentflow/protocol";
import { type History, isAsking } from "./history.ts";

export interface Projected {
  readonly rows: readonly RunSummary[];
  readonly counts: { readonly [status: string]: number };
}

export function checkProjection(
  histories: ReadonlyMap<string, History>,
  { rows, counts }: Projected,
  say: (run: string, what: string) => void,
): void {
  const seen = new Map(rows.map((row) => [row.run, row]));
  const wanted = new Map<string, number>();
  for (const [run, history] of histories) {
    const status = statusOf(history);
    wanted.set(status, (wanted.get(status) ?? 0) + 1);
    const row = seen.get(run);
    if (row === undefined) say(run, "is in the log and not in the read model");
    else if (row.status !== status) say(run, `is ${row.status} in the read model, ${status} in the log`);
    else if (row.revision !== history.commits.at(-1)?.revision) {
      say(
        run,
        `stands at ${row.revision} in the read model, at ${history.commits.at(-1)?.revision} in the log`,
      );
    }
  }
  for (const { run } of rows) if (!histories.has(run)) say(run, "is in the read model and not in the log");
  for (const status of new Set([...wanted.keys(), ...Object.keys(counts)])) {
    const [count, fold] = [counts[status] ?? 0, wanted.get(status) ?? 0];
    if (count !== fold) say("all", `the read model counts ${count} ${status} runs, the log has ${fold}`);
  }
}

function statusOf({ end, steps }: History): RunSummary["status"] {
  switch (end?.kind) {
    case "run_completed":
      return "completed";
    case "run_failed":
      return "failed";
    case "run_cancelled":
      return "cancelled";
    default:
      return [...steps.values()].some(isAsking) ? "parked" : "running";
  }
}
