import { expect, test } from "vitest";
import { packTar, readTar } from "./tar.ts";

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
