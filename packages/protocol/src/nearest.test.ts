import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

test("a slip of the finger finds the word that was meant; a foreign word finds none", () => {
  const known = ["status", "run list", "run cancel", "logs", "why", "doctor"];
  const meant: readonly (readonly [string, string | undefined])[] = [
    ["statsu", "status"],
    ["stat", "status"],
    ["log", "logs"],
    ["wyh", "why"],
    ["run lits", "run list"],
    ["nosuchcmd", undefined],
    ["x", undefined],
  ];
  for (const [word, expected] of meant) expect([word, nearest(word, known)]).toEqual([word, expected]);
});
