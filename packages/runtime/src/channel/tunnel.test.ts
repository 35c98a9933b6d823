import { randomBytes } from "node:crypto";
import { type Duplex, PassThrough } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { openTunnel, pieceBytesMax, type Tunnel } from "./tunnel.ts";

interface Ends {
  readonly inside: Tunnel;
  readonly outside: Tunnel;
  /** Streams that the side outside was given, by name. */
  readonly given: Map<string, Duplex>;
  readonly up: PassThrough;
  readonly down: PassThrough;
}

function joined(): Ends {
  const [up, down] = [new PassThrough(), new PassThrough()];
  const given = new Map<string, Duplex>();
  const inside = openTunnel({ input: down, output: up }, { side: "inside", onStream: () => {} });
  const outside = openTunnel(
    { input: up, output: down },
    { side: "outside", onStream: (name, stream) => given.set(name, stream) },
  );
  return { inside, outside, given, up, down };
}

test("streams beside each other come whole, in order, under their names", async () => {
  const { inside, given, up } = joined();
  const [one, other] = [inside.open("one"), inside.open("other")];
  const big = randomBytes(300_000);
  one.write("a");
  other.write(big.subarray(0, 100_000));
  one.end("b");
  other.end(big.subarray(100_000));
  await turn();
  expect([...given.keys()]).toEqual(["one", "other"]);
  expect(up.writableLength).toBe(0);
  expect(await text(given.get("one") ?? new PassThrough())).toBe("ab");
  expect((await buffer(given.get("other") ?? new PassThrough())).equals(big)).toBe(true);
});

test("a header that is cut anywhere is put together again", async () => {
  const [up, down] = [new PassThrough(), new PassThrough()];
  const names: string[] = [];
  openTunnel({ input: up, output: down }, { side: "outside", onStream: (name) => names.push(name) });
  const line = new PassThrough();
  const input = new PassThrough();
  const inside = openTunnel({ input, output: line }, { side: "inside", onStream: () => {} });
  for (const name of ["first", "second"]) inside.open(name);
  const said: unknown = line.read();
  for (const byte of Buffer.isBuffer(said) ? said : []) up.write(Buffer.from([byte]));
  await turn();
  expect(names).toEqual(["first", "second"]);
});

test("a stream that nobody reads does not hold up another", async () => {
  const { inside, given } = joined();
  const [quiet, read] = [inside.open("quiet"), inside.open("read")];
  for (let n = 0; n < 100; n++) quiet.write(randomBytes(10_000));
  read.end("heard");
  await turn();
  expect(await text(given.get("read") ?? new PassThrough())).toBe("heard");
});

test("one that is destroyed ends on the other side, and the others go on", async () => {
  const { inside, given } = joined();
  const [gone, stays] = [inside.open("gone"), inside.open("stays")];
  await turn();
  const other = given.get("gone");
  const closed = new Promise((resolve) => other?.once("close", resolve));
  other?.resume();
  gone.destroy();
  await closed;
  stays.end("still here");
  expect(await text(given.get("stays") ?? new PassThrough())).toBe("still here");
});

test.each([
  ["the line ends", ({ up }: Ends) => void up.end()],
  ["the line breaks", ({ up }: Ends) => void up.destroy(new Error("broken"))],
  ["a piece is longer than any can be", ({ up }: Ends) => void up.write(headerOf(pieceBytesMax + 1))],
  ["a frame is of no kind that there is", ({ up }: Ends) => void up.write(headerOf(0, 9))],
])("every stream ends when %s", async (_what, how) => {
  const ends = joined();
  const mine = ends.outside.open("mine");
  const closed = new Promise((resolve) => mine.once("close", resolve));
  mine.resume();
  how(ends);
  await Promise.all([closed, ends.outside.closed]);
  expect(ends.outside.open("late").destroyed).toBe(true);
});

function headerOf(length: number, kind = 2): Buffer {
  const header = Buffer.alloc(9);
  header.writeUInt32BE(length, 0);
  header.writeUInt8(kind, 4);
  return header;
}

async function turn(): Promise<void> {
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
}
