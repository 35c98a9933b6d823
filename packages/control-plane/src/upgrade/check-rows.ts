/** Rows of workflows and workers: what new runs would need, and who is there for those in flight. */
import type { Table } from "@agentflow/bus";
import { isId, presenceMaxAgeMs, unixMs } from "@agentflow/protocol";
import { parseHead } from "../registry/parse-head.ts";
import { parsePresence } from "../registry/parse-presence.ts";
import type { References } from "./references.ts";
import type { HistoryFindings } from "./report.ts";

export interface RowsCheck {
  readonly table: Table;
  readonly nowMs: number;
  readonly findings: HistoryFindings;
  readonly references: References;
  /** Open runs by `<tenant> <build>`. */
  readonly builds: ReadonlyMap<string, number>;
}

/** How many workflows there are. */
export async function checkRows(check: RowsCheck): Promise<number> {
  const workflows = await checkWorkflows(check);
  await checkBuilds(check);
  return workflows;
}

async function checkWorkflows({ table, findings, references }: RowsCheck): Promise<number> {
  let count = 0;
  for (const { key, value } of await table.list("workflow.")) {
    const tenant = key.split(".")[1];
    if (!isId("tenant", tenant)) continue;
    count++;
    const head = parseHead(value);
    if (head === undefined) {
      const message = "the row of a workflow that this release does not know: it starts no runs";
      findings.add({ code: "row_unknown", severity: "error", tenant, key, message });
      continue;
    }
    if (head.removedAt !== undefined) continue;
    // What new runs begin on; older versions are looked at where a run in flight needs them.
    const { name: workflow, plan, definition } = head;
    await references.plan({ tenant, workflow, hash: plan });
    await references.definition({ tenant, workflow, hash: definition });
  }
  return count;
}

/** A warning alone: workers come and go, and runs wait for them. */
async function checkBuilds({ table, nowMs, findings, builds }: RowsCheck): Promise<void> {
  const there = new Set<string>();
  for (const { value } of await table.list("worker.")) {
    const worker = parsePresence(value);
    if (worker === undefined || nowMs - unixMs(worker.seenAt) > presenceMaxAgeMs) continue;
    there.add(`${worker.tenant} ${worker.build}`);
  }
  for (const [place, count] of builds) {
    if (there.has(place)) continue;
    const [tenant = "", build = ""] = place.split(" ");
    const runs = count === 1 ? "1 run in flight needs" : `${count} runs in flight need`;
    findings.add({
      code: "no_worker_of_build",
      severity: "warning",
      message: `${runs} build ${build}, and no worker of it is there now`,
      ...(isId("tenant", tenant) ? { tenant } : {}),
    });
  }
}
