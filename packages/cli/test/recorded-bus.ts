/** What the recorded installation answers to `af top` and `af debug bus`. */
import type {
  BusPeek,
  BusTailItem,
  DeadLetterView,
  InstallationTop,
  RedriveAnswer,
  RedriveItem,
} from "@agentflow/protocol";
import { defaultPool, defaultTenant, devBuild, parseId } from "@agentflow/protocol";

const at = "2026-11-26T12:00:00.000Z";
const run = "r0123456789abcdefghjkmnpqrs";
const task = `default:${run}:start:0`;

export const letter: DeadLetterView = {
  letter: 17,
  task,
  tenant: "default",
  pool: "default",
  build: "dev",
  run,
  step: "greet",
  attempt: 1,
  uses: "tool:hello.greet",
  reason: "newer_version",
  deliveries: 100,
  times: 2,
  since: at,
  at,
  state: "open",
};

const hostileName = "w1\u001b[2J";

export function topAnswer(seconds = 0): InstallationTop {
  const now = new Date(Date.parse(at) + seconds * 1_000).toISOString();
  return {
    at: now,
    since: at,
    node: "cp-1",
    version: "0.1.0",
    installation: "11223344aabbccdd",
    bus: { kind: "embedded", durability: "fsync before each answer" },
    nodes: [],
    shardsWithoutOwner: 0,
    projectionLagMs: 3,
    approvals: 1,
    timers: 4,
    deadLetters: 2,
    runs: { running: 2, completed: 40 },
    counters: {
      runsStarted: 10 * seconds,
      runsCompleted: 8 * seconds,
      runsFailed: seconds,
      runsCancelled: 0,
      stepsSucceeded: 20 * seconds,
      attemptsFailed: seconds,
    },
    steps: { samples: 512, p50Ms: 12, p95Ms: 90 },
    pools: [
      { pool: "default", workers: 1, slots: 8, busy: 3, waiting: 5, oldestWaitMs: 65_000, tasksEnded: 100 },
      { pool: "gpu", workers: 0, slots: 0, busy: 0, waiting: 2, tasksEnded: 0 },
    ],
    workers: [
      {
        worker: parseId("worker", "w1"),
        tenant: defaultTenant,
        pool: defaultPool,
        build: devBuild,
        slots: 8,
        host: hostileName,
        pid: 7,
        since: at,
        seenAt: now,
        state: "ready",
        busy: [],
        alive: true,
        version: "0.1.0",
        code: "0123456789ab",
        tasksEnded: 30 * seconds,
        usage: {
          supervisor: { cpuMs: 100 * seconds, rssBytes: 80 * 1024 ** 2 },
          runners: [{ pid: 8, cpuMs: 1_500 * seconds, rssBytes: 200 * 1024 ** 2 }],
        },
      },
    ],
    streams: [{ stream: "log", messages: 1_200, bytes: 4_000_000 }],
  };
}

const peeked: BusPeek = {
  kind: "streams",
  at,
  more: false,
  streams: topAnswer().streams,
  depths: [
    {
      subject: "af.task.default.default.dev",
      tenant: "default",
      pool: "default",
      build: "dev",
      waiting: 2,
      leased: 1,
    },
  ],
  items: [
    {
      subject: "af.task.default.default.dev",
      id: task,
      run,
      state: "leased",
      holder: "w1",
      bytes: 20,
      body: { kind: "task" },
    },
    { subject: "key.abc", revision: 3, bytes: 90, withheld: "secret" },
  ],
};

const tailed: BusTailItem = {
  kind: "inputs",
  subject: `af.log.01.default.run.${run}`,
  run,
  id: "start",
  at,
  bytes: 30,
  body: { kind: "start", name: hostileName },
};

/** The stream's messages, after which it ends. */
export const tailText = [
  `event: item\ndata: ${JSON.stringify(tailed)}`,
  `event: missed\ndata: {"count":12}`,
  "event: end\ndata: {}",
]
  .map((message) => `${message}\n\n`)
  .join("");

let looks = 0;

/** Undefined for what is none of ours. */
export function busAnswer(method: string, url: URL, body: string): unknown {
  if (url.pathname === "/v1/top") return topAnswer(looks++);
  if (url.pathname === "/v1/bus/peek") return { ...peeked, kind: url.searchParams.get("kind") };
  if (url.pathname === "/v1/bus/dead") return { items: [letter], more: false };
  if (url.pathname === "/v1/bus/dead/redrive" && method === "POST") return redriven(body);
  return undefined;
}

/** A letter that is named is settled already; of all, one is open. */
function redriven(body: string): RedriveAnswer {
  const { dryRun = false, letters } = JSON.parse(body);
  const outcome: RedriveItem["outcome"] =
    letters !== undefined ? "settled" : dryRun === true ? "would_send" : "sent";
  return {
    dryRun: dryRun === true,
    items: [{ letter: 17, task, tenant: "default", run, step: "greet", outcome }],
    more: false,
  };
}
