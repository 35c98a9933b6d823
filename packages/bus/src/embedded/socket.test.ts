import { createHash } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { inSubject, runSubject, taskSubject } from "../contract/kit.ts";
import type { Delivery } from "../port/index.ts";
import { newDir } from "./fixtures/makers.ts";
import {
  type ClientOptions,
  connectEmbedded,
  type EmbeddedBus,
  type EmbeddedClient,
  openEmbedded,
  readOwner,
  serveSocket,
  type SocketServer,
} from "./index.ts";

const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface House {
  readonly dir: string;
  readonly bus: EmbeddedBus;
  readonly server: SocketServer;
}

async function house(dir = newDir(), graceMs = 200): Promise<House> {
  const bus = await openEmbedded({ dir, writer: "main" });
  const server = await serveSocket(bus, { token: "right", graceMs });
  ends.push(async () => {
    await server.close();
    await bus.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return { dir, bus, server };
}

async function joined(server: SocketServer, options: Partial<ClientOptions> = {}): Promise<EmbeddedClient> {
  const client = await connectEmbedded({ path: server.path, token: "right", ...options });
  ends.push(() => client.close());
  return client;
}

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

async function eventually(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await what()) return;
    await sleep(15);
  }
  throw new Error("it did not come about");
}

/** Says these bytes and gives everything the owner says until it closes. */
function say(path: string, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(path, () => socket.write(bytes));
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk.toString();
    });
    socket.on("close", () => resolve(heard));
    socket.on("error", reject);
  });
}

function frame(text: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([head, Buffer.from(text)]);
}

const hello = '[1,0,[1,"right","me"]]';

test.each([
  ["no JSON", frame("this is no JSON\n")],
  ["no header", frame("[[1,0]]")],
  ["no array", frame("{}\n")],
  ["a message that is none", frame("[17]\n")],
  ["an operation before hello", frame('[[12,1,["af.log."]]]\n')],
  ["a frame over the limit", Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0])],
  ["an operation that is none", frame(`[${hello},[999,1,null]]\n`)],
  ["facts of the wrong shape", frame(`[${hello},[10,1,{"a":1},3]]\nabc`)],
  ["a prototype as a key", frame(`[${hello},[41,1,{"__proto__":[]}]]\n`)],
  ["a body longer than its frame", frame(`[${hello},[10,1,["x",0],30]]\nabc`)],
  ["a body without a length", frame(`[${hello}]\nabc`)],
  ["a negative length", frame(`[${hello},[10,1,["x",0],-3]]\nabc`)],
])("bytes that are no message end the connection with a reason: %s", async (_, bytes) => {
  const { bus, server } = await house();
  expect(await say(server.path, bytes)).toContain("malformed_frame");
  expect(server.connections).toBe(0);
  expect((await bus.log.append(runSubject(1), "x", { expect: 0 })).ok).toBe(true);
});

test("a hello of another version is refused with both", async () => {
  const { server } = await house();
  expect(await say(server.path, frame('[[1,0,[2,"right","me"]]]\n'))).toContain("protocol_mismatch");
});

test("a wrong token is refused, for good", async () => {
  const { server } = await house();
  await expect(connectEmbedded({ path: server.path, token: "wrong" })).rejects.toMatchObject({
    code: "unauthenticated",
  });
});

test("the socket is for its user alone, and the lock file names it", async () => {
  const { dir, server } = await house();
  expect(statSync(server.path).mode & 0o777).toBe(0o600);
  expect(readOwner(dir)).toMatchObject({ pid: process.pid, socket: server.path });
});

test("a folder too deep for a socket gets one in a folder of its user's own", async () => {
  const { dir, server } = await house(join(newDir(), "x".repeat(120)));
  expect(server.path.startsWith(dir)).toBe(false);
  expect(server.path.length).toBeLessThan(104);
  expect(statSync(join(server.path, "..")).mode & 0o777).toBe(0o700);
  const client = await joined(server);
  expect((await client.log.append(runSubject(1), "x", { expect: 0 })).ok).toBe(true);
});

test("who finds no owner is told so", async () => {
  const path = join(newDir(), "socket");
  await expect(connectEmbedded({ path, token: "right", offlineMs: 200 })).rejects.toMatchObject({
    code: "unavailable",
    reason: "owner_away",
  });
});

test("a client waits for an owner that restarts, and its servers are there again", async () => {
  const first = await house();
  const client = await joined(first.server);
  await client.wire.serve(inSubject(1), async (body) => `${body}, served`);
  await first.bus.log.append(runSubject(1), "1", { expect: 0 });
  await first.server.close();
  const waiting = client.log.read(runSubject(1));
  await first.bus.close();
  const second = await house(first.dir);
  expect((await waiting).map((entry) => entry.body)).toEqual(["1"]);
  await eventually(async () => {
    const asked = second.bus.wire.request(inSubject(1), "asked", { timeoutMs: 500 });
    return (await asked.catch(() => "")) === "asked, served";
  });
});

test("without its owner a call fails after its time, and says that nothing was done", async () => {
  const { server } = await house();
  const client = await joined(server, { offlineMs: 150 });
  await server.close();
  await sleep(20);
  await expect(client.log.append(runSubject(1), "x", { expect: 0 })).rejects.toMatchObject({
    code: "unavailable",
    details: { ambiguous: false },
  });
});

test("a call whose connection breaks before the answer says that it may have been done", async () => {
  const { bus, server } = await house();
  const client = await joined(server);
  await bus.wire.serve(inSubject(1), () => new Promise(() => {}));
  const asked = client.wire.request(inSubject(1), "x", { timeoutMs: 5_000 });
  await sleep(30);
  client.cutConnection();
  await expect(asked).rejects.toMatchObject({ code: "unavailable", details: { ambiguous: true } });
});

test("a client that lives by its owner ends when that one is gone for too long", async () => {
  const { server } = await house();
  const client = await joined(server, { ownerGoneMs: 150 });
  const other = await joined(server, { reconnect: false });
  await server.close();
  expect(await client.closed).toMatchObject({ code: "unavailable" });
  expect(await other.closed).toMatchObject({ code: "unavailable" });
});

test("the leases of a client that is gone are free after a grace, and count as handed out", async () => {
  const { bus, server } = await house();
  await bus.queue.push([{ id: "t", subject: taskSubject(), body: "x" }]);
  const client = await joined(server);
  const take = { subjects: [taskSubject()], slots: 1, leaseMs: 60_000, signal: new AbortController().signal };
  const held = await firstOf(client.queue.take({ ...take, holder: "gone" }));
  expect(held.delivery).toBe(1);
  await client.close();
  const again = await firstOf(bus.queue.take({ ...take, holder: "other" }));
  expect(again.delivery).toBe(2);
});

test("a handle from before a lost connection is lost once another has its task", async () => {
  const { bus, server } = await house(newDir(), 50);
  await bus.queue.push([{ id: "t", subject: taskSubject(), body: "x" }]);
  const client = await joined(server);
  const take = { subjects: [taskSubject()], slots: 1, leaseMs: 60_000, signal: new AbortController().signal };
  const held = await firstOf(client.queue.take({ ...take, holder: "a" }));
  client.cutConnection();
  const other = await firstOf(bus.queue.take({ ...take, holder: "b" }));
  expect(other.delivery).toBe(2);
  expect(held.lost.aborted).toBe(false);
  const stop = new AbortController();
  const back = client.queue.take({ ...take, holder: "a", resume: ["t"], signal: stop.signal });
  const none = back[Symbol.asyncIterator]().next();
  await eventually(() => held.lost.aborted);
  stop.abort();
  expect((await none).done).toBe(true);
  expect(await other.ack()).toBe(true);
});

test("a listener that is slow loses the oldest messages and is told; the owner is not held up", async () => {
  const { bus, server } = await house();
  const client = await joined(server);
  const heard: number[] = [];
  let dropped = 0;
  const subject = inSubject(3);
  await client.wire.subscribe(
    subject,
    (body) => heard.push(Number(body.slice(0, body.indexOf(" ")))),
    (count) => {
      dropped += count;
    },
  );
  const filler = "x".repeat(20_000);
  const count = 4_000;
  for (let n = 0; n < count; n++) {
    bus.wire.publish(subject, `${n} ${filler}`);
    // Written once in a while, read never: this process is both ends.
    if (n % 1_000 === 999) await new Promise(setImmediate);
  }
  bus.wire.publish(subject, `${count} last`);
  await eventually(() => heard.at(-1) === count);
  expect(heard.length + dropped).toBe(count + 1);
  expect(heard).toEqual(heard.toSorted((a, b) => a - b));
});

async function firstOf(deliveries: AsyncIterable<Delivery>): Promise<Delivery> {
  const next: IteratorResult<Delivery> = await deliveries[Symbol.asyncIterator]().next();
  if (next.done === true) throw new Error("the take ended");
  return next.value;
}

test("a client sends more big blobs at once than the owner takes: all arrive, none is refused", async () => {
  // Each slot of a worker may end with a big output at the same time; an attempt was lost for it.
  const { bus, server } = await house();
  const client = await joined(server);
  const blobs = Array.from({ length: 9 }, (_, n) => Buffer.alloc(4 * 1024 * 1024, n));
  const keys = blobs.map((bytes) => `acme/run/${createHash("sha256").update(bytes).digest("hex")}`);
  await Promise.all(blobs.map((bytes, n) => client.blobs.put(keys[n] ?? "", bytes)));
  for (const key of keys) expect(await bus.blobs.get(key)).toHaveLength(4 * 1024 * 1024);
});
