/**
 * What the bus on NATS costs: appends by group size, a worker's life (take, request, acknowledge) in a
 * process of its own, and push, take and acknowledge alone; by fsync class and lanes. CPU is the clients'
 * and, from /proc, the server's. Not a test; run it on a quiet machine:
 *   node --conditions=@agentflow/source --max-semi-space-size=4 bench/micro/nats.ts [quick]
 */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { type NatsBus, openNats } from "@agentflow/bus/nats";
import { type NatsServer, startNatsServer } from "@agentflow/bus/servers";
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
const isQuick = process.argv.includes("quick");
const tasks = isQuick ? 6_000 : 30_000;
const inFlight = 64;

type Row = Record<string, unknown>;

let made = 0;
function newSubject(): Subject {
  made++;
  const random = new Uint8Array(10);
  new DataView(random.buffer).setUint32(4, made);
  const digest = new Uint8Array([(made * 37) % 256]);
  const run = makeRunId(1_790_000_000_000 + made, random);
  return subjects.run({ tenant, shard: shardOfDigest(digest), run });
}

interface World {
  readonly bus: NatsBus;
  readonly server: NatsServer;
}

async function withBus<T>(
  of: { readonly sync: string; readonly logs: number },
  work: (world: World) => Promise<T>,
): Promise<T> {
  const server = await startNatsServer({ syncInterval: of.sync });
  const { logs } = of;
  const bus = await openNats({ servers: [server.url], role: "owner", logs, monitor: server.monitor });
  try {
    return await work({ bus, server });
  } finally {
    await bus.close();
    await server.close();
  }
}

function cpuUs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}

/** User and system time of another process in microseconds; the kernel counts in hundredths of a second. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

async function appends({ bus, server }: World, group: number, rounds: number): Promise<Row> {
  const times: number[] = [];
  const warm = Math.ceil(rounds / 4);
  let [cpu, from, theirs] = [process.cpuUsage(), performance.now(), cpuOf(server.pid)];
  for (let i = -warm; i < rounds; i++) {
    if (i === 0) [cpu, from, theirs] = [process.cpuUsage(), performance.now(), cpuOf(server.pid)];
    const begin = performance.now();
    await Promise.all(Array.from({ length: group }, () => bus.log.append(newSubject(), body, { expect: 0 })));
    if (i >= 0) times.push(performance.now() - begin);
  }
  const ms = performance.now() - from;
  times.sort((a, b) => a - b);
  return {
    group,
    "p50 ms": round(times[Math.floor(times.length / 2)] ?? 0),
    "p95 ms": round(times[Math.floor(times.length * 0.95)] ?? 0),
    "appends/s": Math.round((rounds * group * 1000) / ms),
    "client CPU us": round(cpuUs(cpu) / (rounds * group)),
    "server CPU us": round((cpuOf(server.pid) - theirs) / (rounds * group)),
  };
}

/** So many always on their way, each sent the moment another is answered. */
async function pipelined({ bus, server }: World, count: number): Promise<Row> {
  const [cpu, from, theirs] = [process.cpuUsage(), performance.now(), cpuOf(server.pid)];
  let left = count;
  const walk = async (): Promise<void> => {
    while (left-- > 0) await bus.log.append(newSubject(), body, { expect: 0 });
  };
  await Promise.all(Array.from({ length: inFlight }, walk));
  return {
    group: `${inFlight} in flight`,
    "appends/s": Math.round((count * 1000) / (performance.now() - from)),
    "client CPU us": round(cpuUs(cpu) / count),
    "server CPU us": round((cpuOf(server.pid) - theirs) / count),
  };
}

async function pushTakeAck({ bus, server }: World): Promise<Row> {
  const [cpu, from, theirs] = [process.cpuUsage(), performance.now(), cpuOf(server.pid)];
  const stop = new AbortController();
  let [next, done] = [0, 0];
  const push = (): void => {
    if (next < tasks) void bus.queue.push([{ id: `t:${next++}`, subject: taskSubject, body }]);
  };
  const take = { subjects: [taskSubject], holder: "bench", slots: inFlight, leaseMs: 30_000 };
  for (let n = 0; n < inFlight; n++) push();
  for await (const delivery of bus.queue.take({ ...take, signal: stop.signal })) {
    void delivery.ack().then(() => {
      done++;
      push();
      if (done === tasks) stop.abort();
    });
  }
  return {
    what: "push, take, ack in one process",
    "tasks/s": Math.round((tasks * 1000) / (performance.now() - from)),
    "client CPU us": round(cpuUs(cpu) / tasks),
    "server CPU us": round((cpuOf(server.pid) - theirs) / tasks),
  };
}

async function worker(url: string): Promise<void> {
  const bus = await openNats({ servers: [url], role: "worker" });
  const trips: number[] = [];
  for (let i = 0; i < 2_000; i++) {
    const begin = performance.now();
    await bus.wire.request(inSubject, body, { timeoutMs: 1_000 });
    trips.push(performance.now() - begin);
  }
  trips.sort((a, b) => a - b);
  process.send?.({ trip: trips[1_000] });
  let cpu = process.cpuUsage();
  let done = 0;
  process.on("message", () => {
    cpu = process.cpuUsage();
  });
  const take = { subjects: [taskSubject], holder: "bench", slots: inFlight, leaseMs: 30_000 };
  for await (const delivery of bus.queue.take({ ...take, signal: new AbortController().signal })) {
    void (async () => {
      await bus.wire.request(inSubject, delivery.body, { timeoutMs: 30_000 });
      delivery.reporting();
      await delivery.ack();
      done++;
      if (done === tasks) process.send?.({ cpu: cpuUs(cpu) / tasks });
    })();
  }
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => void child.once("message", (value: T) => resolve(value)));
}

/** A run of one step without its decider: an append, a task, a report, an append. Alone, then many. */
async function life({ bus, server }: World): Promise<Row> {
  const open = new Map<number, { subject: Subject; revision: number; since: number; resolve: () => void }>();
  const times: number[] = [];
  let measuring = false;
  await bus.wire.serve(inSubject, async (text) => {
    if (!measuring) return text;
    const n = Number(text.slice(0, text.indexOf(" ")));
    const run = open.get(n);
    if (run === undefined) return "again";
    open.delete(n);
    await bus.log.append(run.subject, body, { expect: run.revision });
    times.push(performance.now() - run.since);
    run.resolve();
    return "ok";
  });
  let next = 0;
  const start = async (): Promise<void> => {
    const n = next++;
    const subject = newSubject();
    const since = performance.now();
    const first = await bus.log.append(subject, body, { expect: 0 });
    await new Promise<void>((resolve) => {
      open.set(n, { subject, revision: first.revision, since, resolve });
      void bus.queue.push([{ id: `t:${n}`, subject: taskSubject, body: `${n} ${body}` }]);
    });
  };
  const child = fork(import.meta.filename, ["worker", server.url, ...(isQuick ? ["quick"] : [])], {
    execArgv: ["--conditions=@agentflow/source", "--max-semi-space-size=4"],
  });
  const { trip } = await message<{ trip: number }>(child);
  measuring = true;
  child.send("go");
  const alone = Math.min(2_000, tasks / 4);
  for (let n = 0; n < alone; n++) await start();
  const single = times.splice(0).sort((a, b) => a - b);
  const childDone = message<{ cpu: number }>(child);
  const [cpu, from, theirs] = [process.cpuUsage(), performance.now(), cpuOf(server.pid)];
  const walk = async (): Promise<void> => {
    for (let isMore = next < tasks; isMore; isMore = next < tasks) await start();
  };
  await Promise.all(Array.from({ length: inFlight }, walk));
  const ms = performance.now() - from;
  const count = tasks - alone;
  const own = cpuUs(cpu) / count;
  const { cpu: childCpu } = await childDone;
  child.kill();
  return {
    what: "a run of one step, no decider",
    "request p50 ms": round(trip),
    "alone p50 ms": round(single[Math.floor(single.length / 2)] ?? 0),
    "alone p95 ms": round(single[Math.floor(single.length * 0.95)] ?? 0),
    "tasks/s": Math.round((count * 1000) / ms),
    "client CPU us": round(own),
    "worker CPU us": round(childCpu),
    "server CPU us": round((cpuOf(server.pid) - theirs) / count),
  };
}

if (process.argv[2] === "worker") {
  await worker(process.argv[3] ?? "");
} else {
  const scale = isQuick ? 0.2 : 1;
  for (const of of [
    { sync: "2m", logs: 1 },
    { sync: "always", logs: 1 },
    { sync: "always", logs: 8 },
  ]) {
    await withBus(of, async (world) => {
      console.log(`\nlogs ${of.logs}: ${world.bus.durability}`);
      const slow = of.sync === "always" ? 0.2 : 1;
      const rows: Row[] = [];
      for (const [group, rounds] of [
        [1, 4_000],
        [8, 1_500],
        [64, 500],
      ] as const) {
        rows.push(await appends(world, group, Math.ceil(rounds * scale * slow)));
      }
      rows.push(await pipelined(world, Math.ceil(60_000 * scale * slow)));
      console.table(rows);
    });
    const rows = [await withBus(of, pushTakeAck), await withBus(of, life)];
    console.table(rows);
  }
}
