import { expect, test } from "vitest";
import { packTar, readTar, tarOfFile } from "./tar.ts";

const own = { uid: 1000, modifiedMs: 1_700_000_000_000 };

test("what is packed is read again, folders apart", () => {
  const files = { "v/a/token": "secret\n", "v/b/empty": "", "v/b/long": "ü".repeat(700) };
  const entries = Object.entries(files).map(([path, content]) => ({ path, content, mode: 0o400, ...own }));
  const archive = packTar([{ path: "v/a", mode: 0o700, ...own }, ...entries]);
  expect(Object.fromEntries(readTar(archive))).toEqual(files);
  expect(archive.length % 512).toBe(0);
});

test("a path that does not fit is refused, not cut", () => {
  expect(() => packTar([{ path: "x".repeat(100), content: "", mode: 0o400, ...own }])).toThrow(RangeError);
});

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function gathered(archive: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of archive) all.push(piece);
  return Buffer.concat(all);
}

test.each([0, 1, 511, 512, 513])("a file of %i bytes is packed piece by piece", async (bytes) => {
  const text = "x".repeat(bytes);
  const content = pieces(text.slice(0, 100), text.slice(100));
  const archive = await gathered(tarOfFile({ path: "a.zst", bytes, uid: 1000, content }));
  expect(archive.length % 512).toBe(0);
  expect(Object.fromEntries(readTar(archive))).toEqual({ "a.zst": text });
});

test("a file that changed while it was read is no archive", async () => {
  const archive = tarOfFile({ path: "a.zst", bytes: 3, uid: 1000, content: pieces("four") });
  await expect(gathered(archive)).rejects.toThrow("changed while it was read");
});
