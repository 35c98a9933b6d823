/**
 * What the embedded bus costs: appends by group size on both writers, the disk's fsync, and a worker's life
 * (take, request, acknowledge) through the socket. Not a test; run it on a quiet machine:
 *   node --conditions=@agentflow/source --max-semi-space-size=4 bench/micro/embedded.ts
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { connectEmbedded, type EmbeddedBus, openEmbedded, serveSocket } from "@agentflow/bus/embedded";
import { makeRunId, parseId, shardOfDigest, type Subject, subjects } from "@agentflow/protocol";

const tenant = parseId("tenant", "default");
const taskSubject = subjects.task({
  tenant,
  pool: parseId("pool", "default"),
  build: parseId("build", "dev"),
});
const inSubject = subjects.in({ shard: parseId("shard", "00"), tenant });
const body = JSON.stringify({
  v: 1,
  kind: "commit",
  events: [{ kind: "step_succeeded", text: "x".repeat(250) }],
});
const tasks = 60_000;
const inFlight = 64;

let made = 0;
function newSubject(): Subject {
  made++;
  const random = new Uint8Array(10);
  new DataView(random.buffer).setUint32(4, made);
  const digest = new Uint8Array([(made * 37) % 256]);
  return subjects.run({
    tenant,
    shard: shardOfDigest(digest),
    run: makeRunId(1_790_000_000_000 + made, random),
  });
}

async function withBus<T>(writer: "main" | "thread", work: (bus: EmbeddedBus) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "agentflow-bench-"));
  const bus = await openEmbedded({ dir, writer });
  try {
    return await work(bus);
  } finally {
    await bus.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

function cpuUs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}

async function appends(bus: EmbeddedBus, group: number, rounds: number): Promise<Record<string, unknown>> {
  const times: number[] = [];
  const warm = Math.ceil(rounds / 4);
  let cpu = process.cpuUsage();
  let from = performance.now();
  for (let i = -warm; i < rounds; i++) {
    if (i === 0) {
      cpu = process.cpuUsage();
      from = performance.now();
    }
    const begin = performance.now();
    await Promise.all(Array.from({ length: group }, () => bus.log.append(newSubject(), body, { expect: 0 })));
    if (i >= 0) times.push(performance.now() - begin);
  }
  const ms = performance.now() - from;
  times.sort((a, b) => a - b);
  return {
    writer: bus.writer,
    group,
    "p50 ms": round(times[Math.floor(times.length / 2)] ?? 0),
    "p95 ms": round(times[Math.floor(times.length * 0.95)] ?? 0),
    "appends/s": Math.round((rounds * group * 1000) / ms),
    "CPU us an append": round(cpuUs(cpu) / (rounds * group)),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

async function worker(path: string): Promise<void> {
  const bus = await connectEmbedded({ path, token: "bench" });
  const stop = new AbortController();
  let cpu = process.cpuUsage();
  let done = 0;
  const ready = new Promise<void>((resolve) => {
    process.on("message", () => {
      cpu = process.cpuUsage();
      done = 0;
      resolve();
    });
  });
  // One request at a time, for the round trip.
  await bus.wire.request(inSubject, body, { timeoutMs: 1_000 });
  const trips: number[] = [];
  for (let i = 0; i < 3_000; i++) {
    const begin = performance.now();
    await bus.wire.request(inSubject, body, { timeoutMs: 1_000 });
    trips.push(performance.now() - begin);
  }
  trips.sort((a, b) => a - b);
  process.send?.({ trip: trips[1_500] });
  void ready;
  const take = { subjects: [taskSubject], holder: "bench", slots: inFlight, leaseMs: 30_000 };
  for await (const delivery of bus.queue.take({ ...take, signal: stop.signal })) {
    void (async () => {
      await bus.wire.request(inSubject, delivery.body, { timeoutMs: 30_000 });
      await delivery.ack();
      done++;
      if (done === tasks) process.send?.({ cpu: cpuUs(cpu) / tasks });
    })();
  }
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => {
    child.once("message", (value: T) => resolve(value));
  });
}

/** With `appended`, each task costs the owner two appends as well: a run of one step, without its decider. */
async function throughSocket(bus: EmbeddedBus, appended: boolean): Promise<Record<string, unknown>> {
  const server = await serveSocket(bus, { token: "bench" });
  const open = new Map<number, Subject>();
  let answered = 0;
  let next = 0;
  const push = async (): Promise<void> => {
    const n = next++;
    if (appended) {
      const subject = newSubject();
      const first = await bus.log.append(subject, body, { expect: 0 });
      open.set(n, subject);
      revisions.set(n, first.revision);
    }
    await bus.queue.push([{ id: `t${n}`, subject: taskSubject, body: `${n} ${body}` }]);
  };
  const revisions = new Map<number, number>();
  const finished = Promise.withResolvers<void>();
  let measuring = false;
  await bus.wire.serve(inSubject, async (text) => {
    if (!measuring) return text;
    const n = Number(text.slice(0, text.indexOf(" ")));
    const subject = open.get(n);
    if (subject !== undefined) {
      await bus.log.append(subject, body, { expect: revisions.get(n) ?? 0 });
      open.delete(n);
      revisions.delete(n);
    }
    answered++;
    if (next < tasks) void push();
    if (answered === tasks) finished.resolve();
    return "ok";
  });
  const child = fork(import.meta.filename, [server.path], {
    execArgv: ["--conditions=@agentflow/source", "--max-semi-space-size=4"],
  });
  const { trip } = await message<{ trip: number }>(child);
  measuring = true;
  child.send("go");
  const childDone = message<{ cpu: number }>(child);
  const cpu = process.cpuUsage();
  const begin = performance.now();
  for (let i = 0; i < inFlight; i++) void push();
  await finished.promise;
  const { cpu: childCpu } = await childDone;
  const ms = performance.now() - begin;
  const ownCpu = cpuUs(cpu) / tasks;
  child.kill();
  await server.close();
  return {
    writer: bus.writer,
    "two appends": appended,
    "round trip p50 ms": round(trip),
    "tasks/s": Math.round((tasks * 1000) / ms),
    "owner CPU us a task": round(ownCpu),
    "worker CPU us a task": round(childCpu),
    "owner heap MiB": Math.round(process.memoryUsage().rss / 1024 / 1024),
  };
}

const path = process.argv[2];
if (path !== undefined) {
  await worker(path);
} else {
  const rows: Record<string, unknown>[] = [];
  for (const writer of ["main", "thread"] as const) {
    await withBus(writer, async (bus) => {
      console.log("fsync", bus.fsync);
      for (const [group, rounds] of [
        [1, 3_000],
        [8, 1_500],
        [64, 1_000],
      ] as const) {
        rows.push(await appends(bus, group, rounds));
      }
    });
  }
  console.table(rows);
  const runs: Record<string, unknown>[] = [];
  for (const writer of ["main", "thread"] as const) {
    for (const appended of [false, true]) {
      runs.push(await withBus(writer, (bus) => throughSocket(bus, appended)));
    }
  }
  console.table(runs);
}
