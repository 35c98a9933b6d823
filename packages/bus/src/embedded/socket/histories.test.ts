/**
 * What a worker and the owner of the state said over the local socket in an earlier release, byte for byte as
 * a proxy heard it. Today's owner must answer those clients, and today's client must understand that owner.
 * `UPDATE_HISTORIES=1` writes the file of a new release; files that are there stay as they are.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { runSubject, taskSubject } from "../../contract/kit.ts";
import { newDir } from "../fixtures/makers.ts";
import { connectEmbedded, type EmbeddedClient, openEmbedded, serveSocket } from "../index.ts";
import { FrameReader, FrameWriter, type Message } from "./frame.ts";
import { operation } from "./operations.ts";

const folder = new URL("../../../../protocol/histories/", import.meta.url);
const token = "right";

interface History {
  readonly v: 1;
  readonly release: string;
  /** Frames as text, without their length. */
  readonly client: readonly string[];
  readonly owner: readonly string[];
}

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function owner(): Promise<string> {
  const dir = newDir();
  const bus = await openEmbedded({ dir, writer: "main" });
  const server = await serveSocket(bus, { token });
  ends.push(async () => {
    await server.close();
    await bus.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return server.path;
}

async function listenOn(onSocket: (socket: Socket) => void): Promise<string> {
  const dir = newDir();
  const path = join(dir, "s");
  const server: Server = createServer(onSocket);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  ends.push(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(dir, { recursive: true, force: true });
  });
  return path;
}

const bytes = Buffer.from("a blob");
const blobKey = `default/_def/${createHash("sha256").update(bytes).digest("hex")}`;

/** One of each kind of question, and what came of it. */
async function converse({ log, table, queue, blobs }: EmbeddedClient): Promise<unknown[]> {
  const subject = runSubject(1);
  const appended = await log.append(subject, '{"v":1}', { expect: 0 });
  const lost = await log.append(subject, '{"v":1}', { expect: 0 });
  const put = await table.put("workflow.default.x", '{"v":1}', { expect: 0 });
  const pushed = await queue.push([{ id: "t1", subject: taskSubject(), body: '{"v":1,"kind":"task"}' }]);
  await blobs.put(blobKey, bytes);
  const read = (await log.read(subject)).map(({ atMs: _, ...entry }) => entry);
  const row = await table.get("workflow.default.x");
  const rows = await table.list("workflow.");
  const blob = Buffer.from((await blobs.get(blobKey)) ?? []).toString();
  return [appended, lost, put, pushed, read, await log.head(subject), row, rows, await queue.depth(), blob];
}

/** A frame's text from its bytes, one call a frame. */
function texts(take: (text: string) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0);
      take(rest.toString("utf8", 4, end));
      rest = rest.subarray(end);
    }
  };
}

function frame(text: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([head, Buffer.from(text)]);
}

function messagesIn(frames: readonly string[]): Message[] {
  const found: Message[] = [];
  const reader = new FrameReader(
    (message) => void found.push(message),
    () => 8 * 1024 * 1024,
  );
  for (const text of frames) reader.read(frame(text));
  return found;
}

const releaseNow: string = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
).version;
const fileOf = (release: string): URL => new URL(`${release}/bus-socket.json`, folder);

async function record(): Promise<void> {
  const path = await owner();
  const heard: { client: string[]; owner: string[] } = { client: [], owner: [] };
  const proxy = await listenOn((near) => {
    const far = connect(path);
    const [fromClient, fromOwner] = [
      texts((text) => void heard.client.push(text)),
      texts((text) => void heard.owner.push(text)),
    ];
    near.on("data", (chunk: Buffer) => {
      fromClient(chunk);
      far.write(chunk);
    });
    far.on("data", (chunk: Buffer) => {
      fromOwner(chunk);
      near.write(chunk);
    });
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  const client = await connectEmbedded({ path: proxy, token });
  await converse(client);
  await client.close();
  for (const end of ends.splice(0).toReversed()) await end();
  mkdirSync(new URL(`${releaseNow}/`, folder), { recursive: true });
  const history: History = { v: 1, release: releaseNow, ...heard };
  writeFileSync(fileOf(releaseNow), `${JSON.stringify(history, null, 1)}\n`);
}

if (process.env["UPDATE_HISTORIES"] === "1" && !existsSync(fileOf(releaseNow))) await record();

test("this release has its conversation", () => {
  expect(existsSync(fileOf(releaseNow)), "write it with UPDATE_HISTORIES=1").toBe(true);
});

describe.each(readdirSync(folder))("the local socket of %s", (release) => {
  const history: History = JSON.parse(readFileSync(fileOf(release), "utf8"));
  const answers = messagesIn(history.owner);

  test("a client of it is greeted and answered by today's owner", async () => {
    const socket = connect(await owner());
    const got: Message[] = [];
    const reader = new FrameReader(
      (message) => void got.push(message),
      () => 8 * 1024 * 1024,
    );
    socket.on("data", (chunk: Buffer) => reader.read(chunk));
    for (const [at, text] of history.client.entries()) {
      socket.write(frame(text));
      const wanted = Math.min(at + 1, answers.length);
      for (let tries = 0; got.length < wanted && tries < 200; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    socket.destroy();
    const plain = ({ operation: code, id, bodies }: Message) => ({ code, id, bodies });
    expect(got.map(plain)).toEqual(answers.map(plain));
    // The facts of a good answer may grow at their end, and nowhere else.
    for (const [at, { facts }] of answers.entries()) {
      const now = got[at]?.facts;
      if (Array.isArray(facts)) expect(Array.isArray(now) && now.length >= facts.length).toBe(true);
      else expect(typeof now).toBe(typeof facts);
    }
  });

  test("an owner of it is understood by today's client", async () => {
    const questions = messagesIn(history.client);
    const answerTo = new Map(answers.map((answer) => [answer.id, answer]));
    const asked = new Map<number, number>();
    const path = await listenOn((socket) => {
      const reader = new FrameReader(
        (message) => {
          const nth = asked.get(message.operation) ?? 0;
          asked.set(message.operation, nth + 1);
          const then = questions.filter(({ operation: code }) => code === message.operation)[nth];
          const answer = then === undefined ? undefined : answerTo.get(then.id);
          if (answer === undefined) return;
          const writer = new FrameWriter();
          writer.add({ ...answer, id: message.id });
          for (const out of writer.take()) socket.write(out);
        },
        () => 8 * 1024 * 1024,
      );
      socket.on("data", (chunk: Buffer) => reader.read(chunk));
      socket.on("error", () => undefined);
    });
    const client = await connectEmbedded({ path, token });
    const heard = await converse(client);
    await client.close();
    const own = await connectEmbedded({ path: await owner(), token });
    expect(heard).toEqual(await converse(own));
    await own.close();
    expect(asked.get(operation.hello)).toBe(1);
  });
});
