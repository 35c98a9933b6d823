/** Lines for people. Everything that comes from outside is made harmless before it is shown. */
import { showDuration, failureMessage } from "@agentflow/protocol";
import type { ReloadReport } from "@agentflow/runtime";
import { findingLines, type Ink, inkFor, logLine, safe, shortRun } from "../output/index.ts";
import { parseLogRecord } from "./parse-lines.ts";
import type { DevScreen, ReadyFacts, RunCounts, RunEnd, ScreenOptions } from "./screen.ts";

interface Canvas {
  readonly write: (line: string) => void;
  readonly ink: Ink;
}

export function textScreen(options: ScreenOptions): DevScreen {
  const canvas: Canvas = { write: options.write, ink: inkFor(process.stdout) };
  return {
    ...stateLines(canvas),
    ...codeLines(canvas),
    ...runLines(canvas),
    ...logLines(canvas, options.logs),
  };
}

function stateLines({ write, ink }: Canvas): Pick<DevScreen, StateKeys> {
  return {
    ready: (facts) => readyLines(facts, { write, ink }),
    preparing: (text) => write(`${ink.dim("…")} ${safe(text)}`),
    joined: ({ pid, url }) =>
      write(`af dev runs here already (process ${pid}) at ${ink.cyan(url)}; showing its log`),
    otherEnded: ({ pid }) => write(`process ${pid} has ended`),
    failed(error) {
      write(`${ink.red("✗")} ${safe(error.message)}`);
      for (const suggestion of error.suggestions) write(`  try: ${safe(suggestion)}`);
    },
    status(status) {
      const runs = Object.entries(status.runs).map(([name, count]) => `${count} ${name}`);
      const { workers, timers } = status;
      write(`${ink.dim("·")} runs: ${runs.join(", ") || "none"} · workers: ${workers} · timers: ${timers}`);
      for (const { pool, waiting, outstanding, slots } of status.backlog) {
        write(`  pool ${pool}: ${waiting} waiting, ${outstanding} out, ${slots} slots`);
      }
    },
    stopping(withinMs) {
      const time = showDuration(withinMs);
      write(`${ink.dim("…")} stopping: work in flight has ${time} to finish (Ctrl-C again: at once)`);
    },
    stopped({ running }) {
      if (running === 0) write("stopped; nothing was in flight");
      else {
        const runs = running === 1 ? "run goes" : "runs go";
        write(`stopped; ${running} ${runs} on at the next ${ink.bold("af dev")}`);
      }
    },
  };
}

type StateKeys =
  | "ready"
  | "preparing"
  | "joined"
  | "otherEnded"
  | "failed"
  | "status"
  | "stopping"
  | "stopped";

function readyLines(facts: ReadyFacts, { write, ink }: Canvas): void {
  const { manifest, workflows, resumed } = facts;
  const loaded = [
    counted(workflows, "workflow"),
    counted(manifest.tools, "tool"),
    counted(manifest.agents, "agent"),
  ];
  write(`${ink.bold("af dev")} ready in ${showDuration(facts.readyMs)} at ${ink.cyan(facts.url)}`);
  write(`  loaded   ${loaded.join(", ")}`);
  write(`  state    ${safe(facts.state)} (${facts.durability})`);
  if (facts.workers !== undefined) write(`  workers  ${safe(facts.workers)}`);
  if (resumed > 0) write(`  resumed  ${resumed} ${resumed === 1 ? "run" : "runs"} from before`);
  if (workflows[0] !== undefined) write(`  try      ${ink.bold(`af run ${safe(workflows[0])}`)}`);
  if (process.stdin.isTTY && process.stdout.isTTY)
    write(ink.dim("  keys     r reload · l logs · s status · q quit"));
}

function codeLines({ write, ink }: Canvas): Pick<DevScreen, CodeKeys> {
  return {
    registered(files, workflows, ms) {
      const what = `${counted(workflows, "workflow")} registered in ${showDuration(ms)}`;
      write(`${ink.green("↻")} ${changed(files)} → ${what}`);
    },
    removed(workflows) {
      const gone =
        workflows.length === 1 ? "its file is gone, it starts" : "their files are gone, they start";
      const back = "runs in flight go on; put the file back to have it again";
      write(`${ink.yellow("!")} workflow ${safe(workflows.join(", "))}: ${gone} no more runs; ${back}`);
    },
    reloaded(report, files) {
      const code =
        report.outcome === "unchanged" ? "the same code again" : `code ${safe(report.manifest?.code ?? "")}`;
      write(
        `${ink.green("↻")} ${changed(files)} → ${code} in ${showDuration(report.ms)} · ${inFlight(report)}`,
      );
    },
    broken(report, files, oldServes) {
      const why = files.length === 0 ? "the code does not load" : `${changed(files)} → does not load`;
      write(`${ink.red("✗")} ${why}`);
      for (const line of problemLines(report)) write(`  ${line}`);
      write(
        oldServes ? "  the code from before goes on serving" : "  nothing can run until it loads; runs wait",
      );
    },
    secretsRead({ files, names, faults }) {
      const known = names.length === 0 ? "no secrets" : counted(names, "secret");
      write(`${ink.green("↻")} ${changed(files)} → ${known} read; what starts from now on gets them`);
      for (const fault of faults) write(`  ${ink.yellow("!")} ${safe(fault)}`);
    },
    rebuilt({ files, ms, error }) {
      if (error === undefined) {
        const what = "new image; work in flight ended on the one before";
        return write(`${ink.green("↻")} ${changed(files)} → ${what}, in ${showDuration(ms)}`);
      }
      const [first = ""] = error.message.split("\n");
      write(`${ink.red("✗")} ${changed(files)} → no new image: ${safe(first)}`);
      for (const line of lastLines(error.details["lines"])) write(`  ${ink.dim("│")} ${safe(line)}`);
      for (const suggestion of error.suggestions) write(`  try: ${safe(suggestion)}`);
      write("  the image from before goes on serving");
    },
    restarted(reason) {
      write(`${ink.yellow("!")} the worker ended (${safe(reason)}) and is started again; its work goes on`);
    },
    notStarted(error, retryMs) {
      const again = `tried again in ${showDuration(retryMs)}; runs wait`;
      write(`${ink.red("✗")} ${safe(error.message)} · ${again}`);
      for (const suggestion of error.suggestions) write(`  try: ${safe(suggestion)}`);
    },
    inspecting: (url) => write(`  debugger ${safe(url)}`),
    findings(findings) {
      for (const line of findingLines(findings, ink)) write(line);
      if (findings.some(({ severity }) => severity === "error"))
        write(
          "  a workflow with an error is not registered; its version from before, if any, goes on serving",
        );
    },
  };
}

type CodeKeys =
  | "rebuilt"
  | "secretsRead"
  | "registered"
  | "removed"
  | "reloaded"
  | "broken"
  | "restarted"
  | "notStarted"
  | "inspecting"
  | "findings";

function runLines({
  write,
  ink,
}: Canvas): Pick<DevScreen, "runStarted" | "runEnded" | "attemptLost" | "runCounts"> {
  return {
    runStarted: (run, workflow) => write(`${ink.dim("▸")} ${run} ${safe(workflow)} started`),
    runEnded: (end) => write(endLine(end, ink)),
    runCounts: (counts) => write(countsLine(counts, ink)),
    attemptLost(run, event) {
      if (event.kind === "attempt_lost") {
        const what = `attempt ${event.attempt} was lost (${safe(event.reason)}); it is tried again`;
        write(`${ink.yellow("!")} ${run} ${event.step}: ${what}`);
      }
      if (event.kind === "approval_requested") {
        const what = `asks a person: ${safe(event.shown.text ?? event.shown.uses)}`;
        write(`${ink.yellow("?")} ${run} ${event.step}: ${what}  (af approvals show ${run}-${event.n})`);
      }
      if (event.kind === "step_unknown") {
        write(`${ink.yellow("?")} ${run} ${event.step}: its outcome is unknown  (af why ${run})`);
      }
    },
  };
}

/** Only what happened; a second without failures does not speak of them. */
function countsLine(counts: RunCounts, ink: Ink): string {
  const parts = Object.entries(counts).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : []));
  return `${ink.dim("·")} runs in the last second: ${parts.join(", ")}`;
}

function endLine({ run, event, workflow, tookMs }: RunEnd, ink: Ink): string {
  const took = tookMs === undefined ? "" : ` in ${showDuration(tookMs)}`;
  // A run from before this start: its beginning was not seen here.
  const what = workflow === undefined ? run : `${run} ${safe(workflow)}`;
  if (event.kind === "run_completed") return `${ink.green("✓")} ${what} completed${took}`;
  if (event.kind !== "run_failed") return `${ink.yellow("○")} ${what} cancelled${took}`;
  return `${ink.red("✗")} ${what} failed${took}: ${safe(failureMessage(event.failure))}  (af why ${run})`;
}

function logLines({ write, ink }: Canvas, shown: boolean): Pick<DevScreen, "logs" | "ownLog" | "toggleLogs"> {
  let show = shown;
  const fits = perSecond(printedLinesPerSecond, () =>
    write(ink.dim(`… more lines are printed in this second: ${ink.bold("af logs -f")}`)),
  );
  return {
    logs(records) {
      // What user code prints is looked for here; the rest is a key away.
      for (const record of records)
        if (show || (record.source === "runner" && fits(record.at))) write(logLine(record, ink));
    },
    ownLog(line) {
      const record = parseLogRecord(line);
      const loud = record.level === "warn" || record.level === "error" || record.level === "fatal";
      if (show || loud) write(logLine(record, ink));
    },
    toggleLogs() {
      show = !show;
      write(ink.dim(show ? "logs on" : "logs off"));
    },
  };
}

/** More lines of user code than this in one second are no help to a person. */
const printedLinesPerSecond = 50;

/** Whether one more fits into the second of that instant; the first that does not is told. */
function perSecond(most: number, onFull: () => void): (at: string) => boolean {
  let second = "";
  let count = 0;
  return (at) => {
    const now = at.slice(0, "2026-01-31T12:00:00".length);
    count = now === second ? count + 1 : 1;
    second = now;
    if (count === most + 1) onFull();
    return count <= most;
  };
}

function changed(files: readonly string[]): string {
  if (files.length === 0) return "asked for";
  const more = files.length > 3 ? ` and ${files.length - 3} more` : "";
  return safe(files.slice(0, 3).join(", ")) + more;
}

function inFlight({ onOldCode: calls }: ReloadReport): string {
  if (calls.length === 0) return "nothing was in flight";
  const first = calls.slice(0, 3).map((call) => `${call.step} of ${shortRun(call.run)}`);
  const more = calls.length > 3 ? ` and ${calls.length - 3} more` : "";
  const end = calls.length === 1 ? "ends" : "end";
  return `${calls.length} in flight ${end} on the old code: ${safe(first.join(", "))}${more}`;
}

function problemLines({ problem }: ReloadReport): string[] {
  if (problem === undefined) return [];
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(":");
  const message = safe(problem.message);
  const lines = [place === "" ? message : `${safe(place)}  ${message}`];
  for (const line of problem.frame?.split("\n") ?? []) lines.push(`    ${safe(line)}`);
  if (problem.hint !== undefined) lines.push(`hint: ${safe(problem.hint)}`);
  return lines;
}

/** What a builder said last, as far as it said anything. */
function lastLines(lines: unknown): readonly string[] {
  const texts = Array.isArray(lines) ? lines.filter((line) => typeof line === "string") : [];
  return texts.filter((line) => line.trim() !== "").slice(-6);
}

function counted(items: readonly unknown[], word: string): string {
  return `${items.length} ${word}${items.length === 1 ? "" : "s"}`;
}
