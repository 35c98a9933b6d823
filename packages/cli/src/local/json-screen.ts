/** One JSON object a line, for programs: the first of kind `ready`. */
import { toErrorBody } from "@agentflow/protocol";
import type { DevScreen, ScreenOptions } from "./screen.ts";

export function jsonScreen({ write }: ScreenOptions): DevScreen {
  // Log lines wait for it: whoever reads the first line wants to know that it runs, and where.
  let early: string[] | undefined = [];
  const say = (kind: string, data: object): void => {
    write(JSON.stringify({ v: 1, kind, ...data }));
    for (const line of early ?? []) write(line);
    early = undefined;
  };
  const log = (line: string): void => void (early === undefined ? write(line) : early.push(line));
  return {
    ready: ({ manifest, ...facts }) =>
      say("ready", {
        ...facts,
        pid: process.pid,
        code: manifest.code,
        tools: manifest.tools.map(({ name }) => name),
      }),
    // The first line says that it runs.
    preparing: () => {},
    rebuilt: ({ error, ...facts }) =>
      say("rebuilt", { ...facts, ...(error === undefined ? {} : { error: toErrorBody(error) }) }),
    joined: ({ pid, url }) => say("ready", { joined: true, pid, url }),
    otherEnded: ({ pid }) => say("ended", { pid }),
    registered: (files, workflows, ms) => say("registered", { files, workflows, ms: Math.round(ms) }),
    removed: (workflows) => say("removed", { workflows }),
    reloaded: ({ manifest, ...report }, files, workflows) =>
      say("reloaded", { ...report, files, workflows, code: manifest?.code }),
    broken: (report, files, oldServes) => say("broken", { ...report, files, oldServes }),
    secretsRead: (change) => say("secrets_read", change),
    restarted: (reason) => say("worker_restarted", { reason }),
    notStarted: (error, retryMs) => say("worker_not_started", { error: toErrorBody(error), retryMs }),
    inspecting: (url) => say("inspecting", { url }),
    findings: (findings) => say("findings", { findings }),
    failed: (error) => say("error", { error: toErrorBody(error) }),
    runStarted: (run, workflow) => say("run_started", { run, workflow }),
    runEnded: ({ event, ...end }) => say(event.kind, { ...end, event }),
    attemptLost: (run, event) => say(event.kind, { run, event }),
    runCounts: (counts) => say("runs", counts),
    logs: (records) => {
      for (const { kind: _, ...record } of records) log(JSON.stringify({ v: 1, kind: "log", ...record }));
    },
    ownLog: log,
    toggleLogs: () => {},
    status: (status) => say("status", { status }),
    stopping: (withinMs) => say("stopping", { withinMs }),
    stopped: (facts) => say("stopped", facts),
  };
}
