/** A small server with recorded answers, shaped by the protocol's types. */
import type {
  ApprovalView,
  CallableView,
  InstallationStatus,
  RunEventView,
  RunView,
  TelemetryPage,
  UsageAnswer,
  UsageTotals,
  WhyAnswer,
  WorkerView,
  WorkflowView,
} from "@agentflow/protocol";
import { defaultPool, defaultTenant, devBuild, parseId, versionHeader } from "@agentflow/protocol";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { busAnswer, tailText } from "./recorded-bus.ts";
import { debugAnswer } from "./recorded-debug.ts";
import { smallBackup } from "./small-backup.ts";

export const runs = {
  done: "r0123456789abcdefghjkmnpqrs",
  failed: "r0123456789zzzzzzzzzzzzzzzz",
  stuck: "r0200000000stvwxyzstvwxyzst",
} as const;

/** Clears the screen, sets a title, turns letters around. */
export const hostile = "\u001b[2J\u001b]0;owned\u0007\u202eevil\u009b31m";
export const token = "f".repeat(64);

export const approval = `${runs.stuck}-1`;

const at = (ms: number): string => new Date(Date.UTC(2026, 0, 31, 12) + ms).toISOString();

const done: RunView = {
  run: runs.done,
  workflow: "hello",
  version: "0123456789ab",
  status: "completed",
  startedAt: at(0),
  endedAt: at(1_000),
  revision: 7,
  build: "dev",
  codes: ["aaaaaaaaaaaa", "bbbbbbbbbbbb"],
  input: { name: "Ada" },
  output: { lines: ["Hello, Ada!"] },
  steps: [
    {
      step: "greet",
      uses: "tool:hello.greet",
      status: "succeeded",
      startedAt: at(200),
      endedAt: at(900),
      attempts: [
        {
          attempt: 1,
          dispatchedAt: at(0),
          startedAt: at(200),
          endedAt: at(300),
          outcome: "lost",
          queueMs: 200,
          ms: 100,
        },
        {
          attempt: 2,
          dispatchedAt: at(300),
          startedAt: at(500),
          endedAt: at(900),
          outcome: "succeeded",
          queueMs: 200,
          ms: 400,
        },
      ],
    },
  ],
};

const failureOfGreet = {
  code: "thrown",
  message: `it broke ${hostile}`,
  details: { at: "tools/hello.ts:14:11" },
};

const failed: RunView = {
  ...done,
  run: runs.failed,
  status: "failed",
  codes: ["aaaaaaaaaaaa"],
  failure: failureOfGreet,
};

const stuck: RunView = {
  ...done,
  run: runs.stuck,
  status: "running",
  revision: 9,
  usage: { inputTokens: 1_200, outputTokens: 80, modelCalls: 3, toolCalls: 2, usd: "0.0042" },
  steps: [
    {
      step: "greet",
      uses: "agent:writer",
      status: "asking",
      approval: `${runs.stuck}-1`,
      attempts: [{ attempt: 1, dispatchedAt: at(0), outcome: "suspended" }],
    },
  ],
};

const open: ApprovalView = {
  approval: `${runs.stuck}-1`,
  run: runs.stuck,
  workflow: "hello",
  step: "greet",
  call: "greet/1-0",
  status: "open",
  shown: {
    uses: "tool:mail.send",
    effect: "irreversible",
    input: { to: `ada@example.org ${hostile}`, text: `Dear Ada,\n${hostile}\nyours`, copies: 2 },
    text: `Send it? ${hostile}`,
  },
  hash: "a".repeat(64),
  requestedAt: at(0),
  expiresAt: at(86_400_000),
};

const used: UsageTotals = {
  inputTokens: 1_200,
  outputTokens: 80,
  modelCalls: 3,
  toolCalls: 2,
  usd: "0.0042",
};

const usage: UsageAnswer = {
  by: "agent",
  rows: [{ name: `writer ${hostile}`, usage: used, runs: 2 }],
  total: { ...used, unpriced: true },
};

const callables: readonly CallableView[] = [
  {
    name: "hello.greet",
    description: `Greet ${hostile}`,
    effect: "pure",
    file: "tools/hello.ts",
    output: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
    workers: ["w1"],
  },
  { name: "greeter", description: "Answers", effect: "pure", file: "agents/greeter.ts", workers: ["w1"] },
];

const worker: WorkerView = {
  v: 1,
  kind: "worker",
  worker: parseId("worker", "w1"),
  tenant: defaultTenant,
  pool: defaultPool,
  build: devBuild,
  slots: 8,
  host: "here",
  pid: 1,
  since: at(0),
  seenAt: at(0),
  state: "ready",
  busy: [],
  alive: true,
};

const workflow: WorkflowView = {
  name: "hello",
  version: "0123456789ab",
  plan: "c".repeat(64),
  registeredAt: at(0),
  steps: 1,
  definition: { apiVersion: "agentflow.dev/v1", kind: "Workflow", name: "hello", steps: {} },
  compiled: {
    v: 1,
    kind: "plan",
    workflow: "hello",
    version: "0123456789ab",
    planner: "static",
    steps: {},
    output: null,
  },
  findings: [],
  versions: ["0123456789ab"],
};

const status: InstallationStatus = {
  version: "0.1.0",
  installation: "i1",
  bus: { kind: "embedded", durability: "on disk before each answer" },
  startedAt: at(0),
  shards: [
    { shard: "00", owner: "cp-1" },
    { shard: "01", owner: "" },
  ],
  nodes: [
    {
      node: "cp-1",
      state: "live",
      shards: 1,
      since: at(0),
      seenAt: at(1_000),
      quietMs: 300,
      version: "0.1.0",
    },
    {
      node: hostile,
      state: "gone",
      shards: 0,
      since: at(0),
      seenAt: at(0),
      quietMs: 9_000,
      version: "0.1.0",
    },
  ],
  runs: { completed: 1, failed: 1 },
  hot: 0,
  backlog: [{ pool: "default", waiting: 0, outstanding: 0, slots: 8 }],
  approvals: 1,
  timers: 0,
  workers: 1,
  broken: [],
  deadLetters: 0,
  revision: 9,
  projectionLagMs: 0,
};

const telemetry: TelemetryPage = {
  records: [
    {
      kind: "log",
      at: at(400),
      level: "info",
      source: "tool",
      message: `second ${hostile}`,
      run: runs.done,
      step: "greet",
      tenant: "default",
    },
    {
      kind: "log",
      at: at(100),
      level: "warn",
      source: "worker",
      message: "first",
      run: runs.done,
      tenant: "default",
    },
    {
      kind: "span",
      trace: "1",
      span: "2",
      name: "fetch",
      startedAt: at(600),
      ms: 100,
      ok: true,
      run: runs.done,
      step: "greet",
      tenant: "default",
    },
  ],
  cursor: "3",
  dropped: 2,
};

const greet = parseId("step instance", "greet");

const events: readonly RunEventView[] = [
  {
    run: runs.done,
    revision: 2,
    n: 0,
    event: {
      kind: "task_dispatched",
      at: at(0),
      step: greet,
      attempt: 1,
      input: parseId("input", "start"),
      n: 0,
    },
  },
  {
    run: runs.done,
    revision: 3,
    n: 0,
    event: {
      kind: "step_succeeded",
      at: at(900),
      step: greet,
      attempt: 2,
      output: { inline: null },
      ms: 400,
    },
  },
  {
    run: runs.done,
    revision: 4,
    n: 0,
    event: { kind: "run_completed", at: at(1_000), output: { inline: null } },
  },
];

const failedEvents: readonly RunEventView[] = [
  { kind: "attempt_failed", at: at(900), step: greet, attempt: 1, failure: failureOfGreet } as const,
  { kind: "step_failed", at: at(900), step: greet, failure: failureOfGreet } as const,
  { kind: "run_failed", at: at(900), failure: failureOfGreet } as const,
].map((event, n) => ({ run: runs.failed, revision: 3, n, event }));

const whys: { readonly [run: string]: WhyAnswer } = {
  [runs.done]: { run: runs.done, status: "completed", headline: "It completed", reasons: [] },
  [runs.failed]: {
    run: runs.failed,
    status: "failed",
    headline: "greet failed",
    reasons: [{ reason: "failed", step: "greet", message: hostile, command: `af logs --run ${runs.failed}` }],
  },
  [runs.stuck]: {
    run: runs.stuck,
    status: "running",
    headline: "nobody can run greet",
    reasons: [
      { reason: "no_worker", step: "greet", message: "no worker", since: at(0), command: "af worker list" },
    ],
  },
};

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

export interface RecordedInstallation {
  /** A project folder in which this installation runs. */
  readonly project: string;
  readonly url: string;
  readonly asked: readonly Asked[];
  close(): Promise<void>;
}

export async function recordedInstallation(): Promise<RecordedInstallation> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => void answer(request, response, asked));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  const project = mkdtempSync(path.join(tmpdir(), "af-cli-"));
  mkdirSync(path.join(project, ".agentflow"));
  writeFileSync(
    path.join(project, "agentflow.yaml"),
    "apiVersion: agentflow.dev/v1\nkind: Project\nname: recorded\n",
  );
  writeFileSync(path.join(project, "ada.json"), '{"name": "Ada"}');
  for (const name of ["nightly.zst", "before-upgrade.zst"]) {
    writeFileSync(path.join(project, name), smallBackup());
  }
  writeFileSync(path.join(project, ".agentflow/token"), `${token}\n`);
  const dev = { pid: process.pid, url, startedAt: at(0), version: "0.1.0" };
  writeFileSync(path.join(project, ".agentflow/dev.json"), JSON.stringify(dev));
  return {
    project,
    url,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(project, { recursive: true, force: true });
    },
  };
}

let skewed = false;

/** From now on it is one of another release, which has no list of tools. */
export function becomeAnotherRelease(is: boolean): void {
  skewed = is;
}

async function answer(request: IncomingMessage, response: ServerResponse, asked: Asked[]): Promise<void> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  const { method = "GET", url = "/" } = request;
  asked.push({ method, path: url, body });
  if (request.headers.authorization !== `Bearer ${token}`) {
    send(response, 401, {
      ok: false,
      error: { ...plainError, code: "unauthenticated", message: "who are you?" },
    });
    return;
  }
  if (url.startsWith("/v1/events")) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const event of url.includes(runs.failed) ? failedEvents : events)
      response.write(`id: ${event.revision}\nevent: event\ndata: ${JSON.stringify(event)}\n\n`);
    response.end("event: end\ndata: {}\n\n");
    return;
  }
  if (url.startsWith("/v1/telemetry/stream")) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const record of telemetry.records)
      response.write(`id: 4\nevent: record\ndata: ${JSON.stringify({ ...record, message: "pushed" })}\n\n`);
    return;
  }
  if (url.startsWith("/v1/bus/tail")) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(tailText);
    return;
  }
  if (url.startsWith("/v1/backup")) {
    response.writeHead(200, { "content-type": "application/zstd" });
    response.end(smallBackup());
    return;
  }
  if (url.startsWith("/v1/tools") && skewed) {
    const error = {
      ...plainError,
      code: "not_found",
      reason: "no_such_path",
      message: "there is no such path",
    };
    response.setHeader(versionHeader, "0.9.0");
    send(response, 404, { ok: false, error });
    return;
  }
  const refusal = refusalOf(method, url, body);
  if (refusal !== undefined) return send(response, 409, { ok: false, error: { ...plainError, ...refusal } });
  // As the real one: the answer about a run that runs comes when the asked time is over.
  if (url.startsWith(`/v1/runs/${runs.stuck}/wait`)) return;
  const data = dataOf(method, new URL(url, "http://x"), body);
  if (data !== undefined) send(response, 200, { ok: true, data });
  else send(response, 404, { ok: false, error: { ...plainError, code: "not_found", message: `no ${url}` } });
}

function refusalOf(method: string, url: string, body: string): object | undefined {
  if (method !== "POST") return undefined;
  if (url === `/v1/runs/${runs.failed}/cancel`)
    return { code: "refused", reason: "run_already_ended", message: "the run has ended" };
  if (url.startsWith("/v1/approvals/") && !body.includes("a".repeat(64)))
    return { code: "refused", reason: "approval_changed", message: "what was approved is not what is asked" };
  const taken = /^\/v1\/runs(\?|$)/.test(url) && body.includes('"taken"');
  return taken ? { code: "conflict", message: "started before with another body" } : undefined;
}

const plainError = { reason: "recorded", details: {}, suggestions: [] };

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ v: 1, ...body, meta: {} }));
}

function dataOf(method: string, url: URL, body: string): unknown {
  const debugged = debugAnswer(method, url) ?? busAnswer(method, url, body);
  if (debugged !== undefined) return debugged;
  const [, , kind, name = "", what] = url.pathname.split("/").map(decodeURIComponent);
  const views = [done, failed, stuck];
  if (kind === "runs" && name === "" && method === "POST") return startOf(body);
  if (kind === "archive" && method === "POST") return { archived: 0 };
  if (kind === "runs" && name === "") {
    const cursor = url.searchParams.get("limit") === "3" ? { cursor: "c3" } : {};
    return { runs: [stuck, failed, done], revision: 9, ...cursor };
  }
  if (kind === "runs")
    return ofRun(views.find(({ run }) => run === name) ?? (method === "GET" ? undefined : done), what);
  if (kind === "workflows")
    return name === "" ? { items: [workflow] } : name === "hello" ? workflow : undefined;
  if (kind === "tools") return { items: callables.slice(0, 1) };
  if (kind === "agents") return { items: callables.slice(1) };
  if (kind === "workers") return { items: [worker] };
  if (kind === "status") return status;
  if (kind === "approvals") return ofApprovals(method, name, body);
  if (kind === "usage") return usage;
  if (kind === "telemetry") return telemetry;
  if (kind === "keys") return ofKeys(method);
  if (kind === "audit") return { records: [turnedAway] };
  return undefined;
}

const turnedAway = {
  revision: 3,
  at: "2026-11-26T12:00:00.000Z",
  by: "a worker of acme",
  did: "input",
  outcome: "refused",
  reason: "tenant_mismatch",
  to: runs.done,
  worker: "w-1\u001b[2J",
  tenant: "globex",
  leftOut: 4_900,
};

function startOf(body: string): unknown {
  const { workflow: name } = JSON.parse(body);
  if (name === "slow") return { run: runs.stuck, status: "running", revision: 2 };
  return name === "hello" ? { run: runs.done, status: "running", revision: 2 } : undefined;
}

function ofRun(view: RunView | undefined, what: string | undefined): unknown {
  if (view === undefined) return undefined;
  const { run, status: state, revision, output, failure } = view;
  if (what === "why") return whys[run];
  if (what === "events") return { events, cursor: "4" };
  if (what === undefined) return view;
  return { run, status: state, revision, ...(failure ? { failure } : { output }) };
}

function ofApprovals(method: string, name: string, body: string): unknown {
  if (name === "") return { approvals: [open] };
  if (name !== open.approval) return undefined;
  if (method === "GET") return open;
  const { approve } = JSON.parse(body);
  return { ...open, status: approve === true ? "approved" : "denied", decidedAt: at(5_000), by: "local" };
}

function ofKeys(method: string): unknown {
  const view = { id: "k1", name: "laptop", tenant: "default", scopes: ["runs:read"] };
  if (method === "POST") return { key: "afk_secret", view };
  return method === "DELETE" ? { revoked: "k1" } : { items: [view] };
}
