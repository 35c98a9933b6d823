/** What a release finds of the histories of an installation. */
import type { HistoriesReport, HistoryFinding } from "@agentflow/control-plane/upgrade";
import { showDuration } from "@agentflow/protocol";
import type { Output } from "../output/output.ts";
import { cyan, dim, green, red, type Text, yellow } from "../output/text.ts";

export function printHistories(
  output: Output,
  report: HistoriesReport & { readonly bus: string; readonly ms: number },
): void {
  const { runs, findings, errors, warnings } = report;
  for (const finding of findings) {
    const isError = finding.severity === "error";
    output.line([isError ? red("✗ ") : yellow("! "), placeOf(finding), finding.message]);
    if (finding.key !== undefined) output.line(dim(`    ${finding.key}`));
  }
  const more = errors + warnings - findings.length;
  if (more > 0) output.line(dim(`  … ${more} more`));
  output.say(dim(lookedAt(report)));
  if (errors === 0) {
    output.say([green("✓ "), `${report.release} can go on with ${inFlight(runs.open)}`]);
    return;
  }
  const faults = errors === 1 ? "one thing" : `${errors} things`;
  output.say([red("✗ "), `${report.release} cannot go on with ${faults} of what is there`]);
  output.say([
    dim("  next   "),
    "keep the release that runs, or a newer one; ",
    cyan("af why RUN"),
    " there says how a run stands",
  ]);
}

function inFlight(count: number): string {
  if (count === 0) return "what is there; no run is in flight";
  return count === 1 ? "the run in flight" : `all ${count} runs in flight`;
}

function lookedAt(report: HistoriesReport & { readonly bus: string; readonly ms: number }): string {
  const { runs, commits, events, journals, journalRecords, plans, values, workflows, bus, ms } = report;
  const all = runs.open + runs.ended + runs.unreadable;
  return [
    `looked at ${bus} in ${showDuration(ms)}: ${all} runs (${runs.open} in flight, ${runs.ended} ended)`,
    `${events} events in ${commits} commits`,
    `${journalRecords} records in ${journals} journals`,
    `${plans} plans`,
    `${values} stored values`,
    `${workflows} workflows`,
  ].join(", ");
}

function placeOf({ tenant, run, step, workflow, revision }: HistoryFinding): Text {
  const whose = tenant === undefined || tenant === "default" ? "" : `${tenant} `;
  const what = run ?? (workflow === undefined ? "" : `workflow ${workflow}`);
  const where = step === undefined ? "" : ` ${step}`;
  const at = revision === undefined ? "" : ` at revision ${revision}`;
  return what === "" && whose === "" ? "" : [cyan(`${whose}${what}${where}`), `${at}: `];
}
