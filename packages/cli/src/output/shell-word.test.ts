import { expect, test } from "vitest";
import { shellWord } from "./shell-word.ts";

test.each([
  ["my-team", "my-team"],
  ["../a/b_c.d", "../a/b_c.d"],
  ["my team", "'my team'"],
  ["it's", String.raw`'it'\''s'`],
  ["a;b", "'a;b'"],
  ["", "''"],
])("%j is typed as %s", (word, typed) => {
  expect(shellWord(word)).toBe(typed);
});
