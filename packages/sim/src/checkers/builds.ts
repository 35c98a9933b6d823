/** A run stays on the build it began on: its tasks go there alone, and only workers of it do them. */
import { parseTaskSubject } from "@agentflow/protocol";
import { buildOfWorker } from "../house/builds.ts";
import type { Ledger } from "../house/ledger.ts";
import type { History } from "./history.ts";
import { parseStoredTask } from "./parse-stored.ts";

type Say = (run: string, what: string) => void;

export function checkBuilds(
  histories: ReadonlyMap<string, History>,
  { ledger, deploys }: { readonly ledger: Ledger; readonly deploys: boolean },
  say: Say,
): void {
  for (const { subject, body } of ledger.pushed) {
    const { run, step } = parseStoredTask(body);
    const build = histories.get(run)?.started?.build;
    if (build === undefined || ledger.isTorn(run)) continue;
    const to = parseTaskSubject(subject)?.build;
    if (to !== build) say(run, `began on ${build}, and ${step} was sent to ${to ?? "nobody"}`);
  }
  for (const { run, step, worker } of [...ledger.acts, ...ledger.deeds]) {
    const build = histories.get(run)?.started?.build;
    if (build === undefined || ledger.isTorn(run)) continue;
    const own = buildOfWorker(worker, deploys);
    if (own !== build) say(run, `began on ${build}, and ${worker} of ${own} did ${step}`);
  }
}
