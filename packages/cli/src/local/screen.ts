/** What `af dev` says: lines for people, or one JSON object a line. Everything from outside is made harmless first. */
import type { ReloadReport } from "@agentflow/runtime";
import {
  type AgentFlowError,
  type Finding,
  type InstallationStatus,
  type LogRecord,
  type Manifest,
  type RunEventView,
  showDuration,
  toErrorBody,
} from "@agentflow/protocol";
import { findingLines, inkFor, logLine, safe } from "../output/index.ts";
import type { DevFile } from "./paths.ts";

export interface DevScreen {
  ready(facts: ReadyFacts): void;
  joined(other: DevFile): void;
  otherEnded(other: DevFile): void;
  registered(files: readonly string[], workflows: readonly string[], ms: number): void;
  reloaded(report: ReloadReport, files: readonly string[], workflows: readonly string[]): void;
  broken(report: ReloadReport, files: readonly string[], oldServes: boolean): void;
  restarted(reason: string): void;
  inspecting(url: string): void;
  findings(findings: readonly Finding[]): void;
  failed(error: AgentFlowError): void;
  runStarted(run: string, workflow: string): void;
  runEnded(end: RunEnd): void;
  attemptLost(run: string, event: RunEventView["event"]): void;
  logs(records: readonly LogRecord[]): void;
  ownLog(line: string): void;
  toggleLogs(): void;
  status(status: InstallationStatus): void;
  stopping(withinMs: number): void;
  stopped(facts: { readonly left: number; readonly running: number }): void;
}

export interface ReadyFacts {
  readonly url: string;
  readonly readyMs: number;
  readonly loadMs: number;
  readonly workflows: readonly string[];
  readonly manifest: Manifest;
  readonly durability: string;
  /** Runs of before that go on now. */
  readonly resumed: number;
}

export interface RunEnd {
  readonly run: string;
  readonly event: RunEventView["event"];
  readonly workflow: string | undefined;
  readonly tookMs: number | undefined;
}

export interface ScreenOptions {
  readonly json: boolean;
  readonly logs: boolean;
  readonly debug: boolean;
  readonly write: (line: string) => void;
}

export function createScreen(options: ScreenOptions): DevScreen {
  return options.json ? jsonScreen(options) : textScreen(options);
}

function textScreen(options: ScreenOptions): DevScreen {
  const { write } = options;
  const ink = inkFor(process.stdout);
  let showLogs = options.logs;
  const changed = (files: readonly string[]): string => (files.length === 0 ? "asked for" : safe(shortList(files)));
  return {
    ready(facts) {
      const { manifest, workflows } = facts;
      write(`${ink.bold("af dev")} ready in ${showDuration(facts.readyMs)} at ${ink.cyan(facts.url)}`);
      write(`  loaded   ${counted(workflows, "workflow")}, ${counted(manifest.tools, "tool")}, ${counted(manifest.agents, "agent")}`);
      write(`  state    .agentflow/state (${facts.durability})`);
      if (facts.resumed > 0) write(`  resumed  ${facts.resumed} ${facts.resumed === 1 ? "run" : "runs"} from before`);
      const first = workflows[0];
      if (first !== undefined) write(`  try      ${ink.bold(`af run ${safe(first)}`)}${process.stdin.isTTY ? "   keys: r reload · l logs · s status · q quit" : ""}`);
    },
    joined: (other) => write(`af dev runs here already (process ${other.pid}) at ${ink.cyan(other.url)}; showing its log`),
    otherEnded: (other) => write(`process ${other.pid} has ended`),
    registered: (files, workflows, ms) =>
      write(`${ink.green("↻")} ${changed(files)} → ${counted(workflows, "workflow")} registered in ${showDuration(ms)}`),
    reloaded(report, files) {
      const code = report.manifest?.code ?? "";
      const what = report.outcome === "unchanged" ? "the same code again" : `code ${code}`;
      write(`${ink.green("↻")} ${changed(files)} → ${what} in ${showDuration(report.ms)} · ${inFlight(report)}`);
    },
    broken(report, files, oldServes) {
      const why = files.length === 0 ? "the code does not load" : `${changed(files)} → does not load`;
      write(`${ink.red("✗")} ${why}`);
      for (const line of problemLines(report)) write(`  ${line}`);
      write(oldServes ? "  the code from before goes on serving" : "  nothing can run until it loads; runs wait");
    },
    restarted: (reason) => write(`${ink.yellow("!")} the worker ended (${safe(reason)}) and is started again; its work is handed out again`),
    inspecting: (url) => write(`  debugger ${safe(url)}`),
    findings: (findings) => {
      for (const line of findingLines(findings, ink)) write(line);
    },
    failed(error) {
      write(`${ink.red("✗")} ${safe(error.message)}`);
      for (const suggestion of error.suggestions) write(`  try: ${safe(suggestion)}`);
    },
    runStarted: (run, workflow) => write(`${ink.dim("▸")} ${run} ${safe(workflow)} started`),
    runEnded({ run, event, workflow, tookMs }) {
      const took = tookMs === undefined ? "" : ` in ${showDuration(tookMs)}`;
      const name = safe(workflow ?? "");
      if (event.kind === "run_completed") write(`${ink.green("✓")} ${run} ${name} completed${took}`);
      else if (event.kind === "run_failed") {
        write(`${ink.red("✗")} ${run} ${name} failed${took}: ${safe(event.failure.message)}  (af why ${run})`);
      } else write(`${ink.yellow("○")} ${run} ${name} cancelled${took}`);
    },
    attemptLost(run, event) {
      if (event.kind === "attempt_lost") write(`${ink.yellow("!")} ${run} ${event.step}: attempt ${event.attempt} was lost (${safe(event.reason)}); it is tried again`);
      if (event.kind === "step_unknown") write(`${ink.yellow("?")} ${run} ${event.step}: outcome unknown  (af why ${run})`);
    },
    logs(records) {
      if (showLogs) for (const record of records) write(logLine(record, ink));
    },
    ownLog(line) {
      const record: LogRecord = JSON.parse(line);
      if (showLogs || record.level === "warn" || record.level === "error" || record.level === "fatal") write(logLine(record, ink));
    },
    toggleLogs() {
      showLogs = !showLogs;
      write(ink.dim(showLogs ? "logs on" : "logs off"));
    },
    status(status) {
      const runs = Object.entries(status.runs).map(([name, count]) => `${count} ${name}`);
      write(`${ink.dim("·")} runs: ${runs.join(", ") || "none"} · workers: ${status.workers} · timers: ${status.timers}`);
      for (const lane of status.backlog) write(`  pool ${lane.pool}: ${lane.waiting} waiting, ${lane.outstanding} out, ${lane.slots} slots`);
    },
    stopping: (withinMs) => write(`${ink.dim("…")} stopping: work in flight has ${showDuration(withinMs)} to finish (Ctrl-C again: at once)`),
    stopped({ running }) {
      if (running === 0) write("stopped; nothing was in flight");
      else write(`stopped; ${running} ${running === 1 ? "run goes" : "runs go"} on at the next ${ink.bold("af dev")}`);
    },
  };
}

function inFlight(report: ReloadReport): string {
  const calls = report.onOldCode;
  if (calls.length === 0) return "nothing was in flight";
  const first = calls.slice(0, 3).map((call) => `${call.step} of ${call.run.slice(0, 9)}…`);
  const more = calls.length > 3 ? ` and ${calls.length - 3} more` : "";
  return `${calls.length} in flight ${calls.length === 1 ? "ends" : "end"} on the old code: ${safe(first.join(", "))}${more}`;
}

function problemLines(report: ReloadReport): string[] {
  const { problem } = report;
  if (problem === undefined) return [];
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(":");
  const lines = [place === "" ? safe(problem.message) : `${safe(place)}  ${safe(problem.message)}`];
  for (const line of problem.frame?.split("\n") ?? []) lines.push(`    ${safe(line)}`);
  if (problem.hint !== undefined) lines.push(`hint: ${safe(problem.hint)}`);
  return lines;
}

function shortList(files: readonly string[]): string {
  return files.length <= 3 ? files.join(", ") : `${files.slice(0, 3).join(", ")} and ${files.length - 3} more`;
}

function counted(items: readonly unknown[], word: string): string {
  return `${items.length} ${word}${items.length === 1 ? "" : "s"}`;
}

function jsonScreen({ write }: ScreenOptions): DevScreen {
  const say = (kind: string, data: object): void => write(JSON.stringify({ v: 1, kind, ...data }));
  return {
    ready: ({ manifest, ...facts }) =>
      say("ready", { ...facts, pid: process.pid, code: manifest.code, tools: manifest.tools.map(({ name }) => name) }),
    joined: ({ pid, url }) => say("ready", { joined: true, pid, url }),
    otherEnded: ({ pid }) => say("ended", { pid }),
    registered: (files, workflows, ms) => say("registered", { files, workflows, ms: Math.round(ms) }),
    reloaded: ({ manifest, ...report }, files, workflows) => say("reloaded", { ...report, files, workflows, code: manifest?.code }),
    broken: (report, files, oldServes) => say("broken", { ...report, files, oldServes }),
    restarted: (reason) => say("worker_restarted", { reason }),
    inspecting: (url) => say("inspecting", { url }),
    findings: (findings) => say("findings", { findings }),
    failed: (error) => say("error", { error: toErrorBody(error) }),
    runStarted: (run, workflow) => say("run_started", { run, workflow }),
    runEnded: ({ event, ...end }) => say(event.kind, { ...end, event }),
    attemptLost: (run, event) => say(event.kind, { run, event }),
    logs: (records) => {
      for (const { kind: _, ...record } of records) say("log", record);
    },
    ownLog: (line) => write(line),
    toggleLogs: () => {},
    status: (status) => say("status", { status }),
    stopping: (withinMs) => say("stopping", { withinMs }),
    stopped: (facts) => say("stopped", facts),
  };
}
