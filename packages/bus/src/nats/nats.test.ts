import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { makeRunId, parseId, prefixes, shardOfDigest, type Subject, subjects } from "@agentflow/protocol";
import { afterEach, describe, expect, test } from "vitest";
import { type NatsServer, natsServerMissing, startNatsServer } from "../contract/servers/index.ts";
import type { Delivery, LogEntry } from "../port/index.ts";
import { startOldServer } from "./fixtures/old-server.ts";
import { type Proxy, startProxy } from "./fixtures/proxy.ts";
import { type NatsBus, type NatsOptions, openNats } from "./index.ts";

const missing = await natsServerMissing();
const why = missing === undefined ? "" : `: ${missing}`;

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).toReversed()) await one();
});

const tenant = parseId("tenant", "acme");
const task = subjects.task({ tenant, pool: parseId("pool", "default"), build: parseId("build", "dev") });
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

function runOf(n: number): Subject {
  const run = makeRunId(1_790_000_000_000 + n, new Uint8Array(10));
  return subjects.run({ tenant, shard: shardOfDigest(new Uint8Array([(n * 37) % 256])), run });
}

async function serverOf(...args: Parameters<typeof startNatsServer>): Promise<NatsServer> {
  const server = await startNatsServer(...args);
  undo.push(() => server.close());
  return server;
}

async function open(server: NatsServer | Proxy, of: Partial<NatsOptions> = {}): Promise<NatsBus> {
  const bus = await openNats({ servers: [server.url], role: "owner", ...of });
  undo.push(() => bus.close());
  return bus;
}

async function through(server: NatsServer): Promise<Proxy> {
  const proxy = await startProxy(server.url);
  undo.push(() => proxy.close());
  return proxy;
}

/** Everything that is taken, as it comes; what ended it, when it did. */
function taking(
  bus: NatsBus,
  of: { holder?: string; resume?: readonly string[]; signal?: AbortSignal } = {},
) {
  const items: Delivery[] = [];
  const { holder = "h", signal = new AbortController().signal, resume = [] } = of;
  const options = { subjects: [task], holder, slots: 10, leaseMs: 60_000, signal, resume };
  const ended = (async () => {
    for await (const one of bus.queue.take(options)) items.push(one);
  })().catch((error: unknown) => error);
  return { items, ended };
}

async function until(holds: () => boolean, what: string, withinMs = 8_000): Promise<void> {
  for (let waited = 0; waited < withinMs && !holds(); waited += 10) await sleep(10);
  if (!holds()) throw new Error(`waited for ${what}`);
}

describe("opening", () => {
  test("a server that is too old is refused, with what was found and what is needed", async () => {
    const old = await startOldServer("2.11.4");
    await expect(openNats({ servers: [old.url], role: "owner" })).rejects.toMatchObject({
      code: "refused",
      reason: "nats_too_old",
      details: { found: "2.11.4", needed: "2.12" },
    });
    await old.close();
  });

  test("no server at all is unavailable", async () => {
    const gone = await startOldServer("2.15.0");
    await gone.close();
    await expect(openNats({ servers: [gone.url], role: "owner" })).rejects.toMatchObject({
      code: "unavailable",
    });
  });
});

describe.skipIf(missing !== undefined)(`an installation on NATS${why}`, () => {
  test("a worker finds nothing before an owner made it, and what the owner made after", async () => {
    const server = await serverOf();
    const early = openNats({ servers: [server.url], role: "worker" });
    await expect(early).rejects.toMatchObject({ code: "unavailable", reason: "not_set_up" });
    await open(server, { logs: 2 });
    expect((await open(server, { role: "worker" })).log.lanes).toBe(2);
  });

  test("the number of logs is what the installation was made with, for ever", async () => {
    const server = await serverOf();
    await open(server, { logs: 4 });
    const other = openNats({ servers: [server.url], role: "owner", logs: 1 });
    await expect(other).rejects.toMatchObject({
      code: "refused",
      reason: "logs_fixed",
      details: { made: 4, asked: 1 },
    });
    expect((await open(server)).log.lanes).toBe(4);
    await expect(openNats({ servers: [server.url], role: "owner", logs: 9 })).rejects.toMatchObject({
      code: "invalid_input",
    });
  });

  test("of two that make one installation at once, one is told how many logs the other made", async () => {
    for (let round = 0; round < 4; round++) {
      const server = await serverOf();
      const both = await Promise.allSettled([4, 2].map((logs) => open(server, { logs })));
      const made = both.flatMap((one) => (one.status === "fulfilled" ? [one.value.log.lanes] : []));
      expect(made).toHaveLength(1);
      const refused = both.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
      expect(refused).toMatchObject([{ code: "refused", reason: "logs_fixed", details: { made: made[0] } }]);
      expect((await open(server, { role: "worker" })).log.lanes).toBe(made[0]);
    }
  });

  test("the durability says how often the server writes to its disk, where it can be known", async () => {
    const lazy = await serverOf();
    expect((await open(lazy, { monitor: lazy.monitor })).durability).toContain("on disk within 120 s");
    expect((await open(lazy)).durability).toContain("not known");
    const strict = await serverOf({ syncInterval: "always" });
    const beganMs = Date.now();
    const bus = await open(strict, { monitor: strict.monitor });
    expect(bus.durability).toContain("fsync before each answer");
    expect(bus.lastSuccessMs).toBeGreaterThanOrEqual(beganMs);
  });

  test("a bus that is closed twice at once is closed, and the process that did it goes on", async () => {
    const server = await serverOf();
    const file = fileURLToPath(new URL("./fixtures/close-twice.ts", import.meta.url));
    for (const _ of range(3)) {
      // Once nothing keeps a process alive it ends in the midst of what it waits for.
      const words = ["--conditions=@agentflow/source", file, server.url];
      const { stdout } = await promisify(execFile)(process.execPath, words);
      expect(stdout).toBe("closed\n");
    }
  });

  test("nothing is removed from the audit stream", async () => {
    const bus = await open(await serverOf());
    await bus.log.append(subjects.audit(tenant), "kept", { expect: "any" });
    await expect(bus.log.purge(subjects.audit(tenant))).rejects.toMatchObject({ reason: "never_purged" });
    expect(await bus.log.read(subjects.audit(tenant))).toHaveLength(1);
  });
});

describe.skipIf(missing !== undefined)(`appends whose answer does not come${why}`, () => {
  test("one that was written is found by asking, and is there once", async () => {
    const server = await serverOf();
    const proxy = await through(server);
    const bus = await open(proxy);
    const first = await bus.log.append(runOf(1), "1", { expect: 0 });
    proxy.deafen();
    const lost = bus.log.append(runOf(1), "2", { expect: first.revision });
    await sleep(50);
    proxy.cut();
    const settled = await lost;
    expect(settled.ok).toBe(true);
    const entries = await bus.log.read(runOf(1));
    expect(entries.map((entry) => entry.body)).toEqual(["1", "2"]);
    expect(entries[1]?.revision).toBe(settled.revision);
  });

  test("where another's record stands instead, it is told so", async () => {
    const server = await serverOf();
    const proxy = await through(server);
    const [bus, other] = [await open(proxy), await open(server, { role: "worker" })];
    await other.log.append(runOf(1), "theirs", { expect: 0 });
    proxy.deafen();
    const lost = bus.log.append(runOf(1), "mine", { expect: 0 });
    await sleep(50);
    proxy.cut();
    expect(await lost).toMatchObject({ ok: false, reason: "wrong_revision" });
    expect((await bus.log.read(runOf(1))).map((entry) => entry.body)).toEqual(["theirs"]);
  });

  test("many at once are each settled, none twice, and a tail sees each once", async () => {
    const server = await serverOf();
    const proxy = await through(server);
    const bus = await open(proxy);
    const stop = new AbortController();
    const seen: LogEntry[] = [];
    const tail = (async () => {
      const options = { filter: [prefixes.log], after: 0, signal: stop.signal };
      for await (const batch of bus.log.tail(options)) seen.push(...batch);
    })();
    const writing: Promise<{ ok: boolean }>[] = [];
    for (const n of range(150)) {
      if (n % 50 === 20) proxy.cut();
      writing.push(bus.log.append(runOf(n), `${n}`, { expect: 0 }).catch(() => ({ ok: false })));
      await sleep(8);
    }
    const written = (await Promise.all(writing)).flatMap((one, n) => (one.ok ? [n] : []));
    await until(() => seen.length >= written.length, "the tail");
    stop.abort();
    await tail;
    expect(written.length).toBeGreaterThan(30);
    expect(new Set(seen.map((entry) => entry.revision)).size).toBe(seen.length);
    for (const n of written) expect(seen.filter((entry) => entry.body === `${n}`)).toHaveLength(1);
  });

  test("a server that hangs for a while is waited for", async () => {
    const server = await serverOf();
    const bus = await open(server);
    server.freeze();
    const waiting = bus.log.append(runOf(1), "1", { expect: 0 });
    await sleep(1_500);
    server.thaw();
    expect((await waiting).ok).toBe(true);
  });
});

describe.skipIf(missing !== undefined)(`the queue on NATS${why}`, () => {
  const pushed = range(3).map((n) => ({ id: `acme:r:${n}`, subject: task, body: `${n}` }));

  test("when its server lost the tasks, takers are told, the epoch is new, and all goes on", async () => {
    const server = await serverOf();
    const [owner, worker] = [await open(server), await open(server, { role: "worker" })];
    const epoch = await owner.queue.epoch();
    await owner.queue.push(pushed);
    const before = taking(worker);
    await until(() => before.items.length === 3, "three tasks");
    await server.end("SIGKILL");
    await server.start("kept");
    expect(await before.ended).toMatchObject({ code: "unavailable", reason: "queue_restarted" });
    expect(await worker.queue.epoch()).not.toBe(epoch);
    // They are worked on still: a new task under an old id comes to whoever has it in hand.
    expect(before.items.some((one) => one.lost.aborted)).toBe(false);
    const resume = before.items.map((one) => one.id);
    const again = taking(worker, { resume });
    await sleep(150);
    const other = taking(owner, { holder: "other" });
    await owner.queue.push(pushed);
    await until(() => again.items.length === 3, "three tasks again");
    expect(again.items.map((one) => one.delivery)).toEqual([1, 1, 1]);
    expect(other.items).toEqual([]);
    for (const one of again.items) expect(await one.ack()).toBe(true);
  });

  test("what another process holds under the same name is passed on to who asks for it", async () => {
    const server = await serverOf();
    const [first, second] = [await open(server), await open(server, { role: "worker" })];
    await first.queue.push(pushed);
    const before = taking(first);
    await until(() => before.items.length === 3, "three tasks");
    const after = taking(second, { resume: pushed.map((one) => one.id) });
    await until(() => after.items.length === 3, "three tasks passed on");
    expect(after.items.map((one) => one.delivery)).toEqual([1, 1, 1]);
    expect(await before.items[0]?.ack()).toBe(false);
    for (const one of after.items) expect(await one.ack()).toBe(true);
    expect((await first.queue.depth()).filter((one) => one.waiting + one.leased > 0)).toEqual([]);
  });

  test("a task taken back is lost to a holder in another process", async () => {
    const server = await serverOf();
    const [first, second] = [await open(server), await open(server, { role: "worker" })];
    await first.queue.push(pushed.slice(0, 1));
    const held = taking(second);
    await until(() => held.items.length === 1, "a task");
    await first.queue.revoke(["acme:r:0"]);
    await until(() => held.items[0]?.lost.aborted === true, "its loss");
    expect(await held.items[0]?.ack()).toBe(false);
  });

  test("an id that is held is not stored again, under another subject neither", async () => {
    const bus = await open(await serverOf());
    const other = subjects.task({ tenant, pool: parseId("pool", "other"), build: parseId("build", "dev") });
    await bus.queue.push(pushed);
    await bus.queue.push(pushed.map((one) => ({ ...one, subject: other })));
    const depth = await bus.queue.depth();
    expect(depth).toContainEqual({ subject: other, waiting: 0, leased: 0 });
    expect(depth).toContainEqual({ subject: task, waiting: 3, leased: 0 });
  });

  test("a holder whose process hung says nothing late, and takes nothing from the next one", async () => {
    const bus = await open(await serverOf());
    await bus.queue.push(pushed.slice(0, 1));
    const stop = new AbortController();
    const options = { subjects: [task], holder: "h", slots: 1, leaseMs: 300, signal: stop.signal };
    const first = await bus.queue.take(options)[Symbol.asyncIterator]().next();
    if (first.done === true) throw new Error("no task");
    stop.abort();
    const second = taking(bus, { holder: "second" });
    await sleep(100);
    const hangsTill = performance.now() + 700;
    while (performance.now() < hangsTill);
    expect(await first.value.ack()).toBe(false);
    expect(await first.value.extend()).toBe(false);
    await until(() => second.items.length === 1, "the second delivery");
    expect(second.items[0]?.delivery).toBe(2);
    expect(await second.items[0]?.ack()).toBe(true);
  });

  test("a request for tasks that was lost is missed by its heartbeats", async () => {
    const server = await serverOf();
    const proxy = await through(server);
    const [taker, pusher] = [await open(proxy), await open(server)];
    proxy.loseRequest();
    const { items } = taking(taker);
    await until(() => proxy.lost === 1, "a request to lose");
    await pusher.queue.push(pushed.slice(0, 1));
    await until(() => items.length === 1, "the task", 20_000);
  });

  test("a taker of several subjects gets all of each, and never more at once than its slots", async () => {
    const bus = await open(await serverOf());
    const pools = range(3).map((n) =>
      subjects.task({ tenant, pool: parseId("pool", `p${n}`), build: parseId("build", "dev") }),
    );
    const all = pools.flatMap((subject, p) =>
      range(20).map((n) => ({ id: `t:${p}:${n}`, subject, body: "" })),
    );
    await bus.queue.push(all);
    let [working, most] = [0, 0];
    const done = new Map<string, number>();
    const stop = new AbortController();
    const options = { subjects: pools, holder: "h", slots: 2, leaseMs: 60_000, signal: stop.signal };
    for await (const one of bus.queue.take(options)) {
      most = Math.max(most, ++working);
      void sleep(2).then(async () => {
        working--;
        await one.ack();
        done.set(one.id, one.delivery);
        if (done.size === all.length) stop.abort();
      });
    }
    expect(most).toBeLessThanOrEqual(2);
    expect([...done.values()].every((delivery) => delivery === 1)).toBe(true);
    expect((await bus.queue.depth()).filter((one) => one.waiting + one.leased > 0)).toEqual([]);
  });
});
