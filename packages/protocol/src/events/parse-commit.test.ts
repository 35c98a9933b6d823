import { expect, test } from "vitest";
import { commandKinds, eventKinds, parseCommit } from "./parse-commit.ts";

const base = { v: 1, kind: "commit", inputs: [], events: [], commands: [] };
const at = "2026-11-23T09:30:00.000Z";

test("a commit is read, and what it holds beside the known keys is kept", () => {
  const stored = { ...base, later: 1, events: [{ kind: "run_cancelled", at, reason: "x", more: [2] }] };
  expect(parseCommit(JSON.stringify(stored))).toEqual({ ok: true, commit: stored });
});

test("a refusal, a commit without events, is a commit", () => {
  const stored = { ...base, inputs: [{ id: "i", kind: "result", at, refused: "attempt_unknown" }] };
  expect(parseCommit(JSON.stringify(stored))).toEqual({ ok: true, commit: stored });
});

test.each(Object.keys(eventKinds))("the event %s is known", (kind) => {
  expect(parseCommit(JSON.stringify({ ...base, events: [{ kind, at }] })).ok).toBe(true);
});

test.each(Object.keys(commandKinds))("the command %s is known", (kind) => {
  expect(parseCommit(JSON.stringify({ ...base, commands: [{ kind }] })).ok).toBe(true);
});

test.each([
  ["a higher version", { ...base, v: 2 }, "version 2"],
  ["no version", { ...base, v: undefined }, "version none"],
  ["another kind", { ...base, kind: "digest" }, 'kind "digest"'],
  ["an unknown event", { ...base, events: [{ kind: "run_paused" }] }, 'event of kind "run_paused"'],
  ["a known event before an unknown", { ...base, events: [{ kind: "run_failed" }, { kind: "x" }] }, '"x"'],
  ["an inherited word as event", { ...base, events: [{ kind: "constructor" }] }, '"constructor"'],
  ["an event that is none", { ...base, events: [null] }, "event of kind none"],
  ["an unknown command", { ...base, commands: [{ kind: "melt" }] }, 'command of kind "melt"'],
  ["no events", { ...base, events: undefined }, "without inputs, events and commands"],
  ["a list", [], "version none"],
  ["nothing", null, "no object"],
])("%s is refused, so that the run parks", (_, stored, words) => {
  const parsed = parseCommit(JSON.stringify(stored));
  expect(parsed).toMatchObject({ ok: false });
  expect(parsed.ok ? "" : parsed.message).toContain(words);
});

test.each(["", "{", "\u0000", "commit"])("what is no JSON is refused: %j", (body) => {
  expect(parseCommit(body)).toEqual({ ok: false, message: "the history holds a commit that is no JSON" });
});
