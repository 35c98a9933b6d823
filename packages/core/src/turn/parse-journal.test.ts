import { expect, test } from "vitest";
import { Walk, ask } from "./fixtures/walk.ts";
import { emptyTurn, evolveTurn, parseJournal } from "./index.ts";

const at = "2026-01-01T00:00:00.000Z";
const lost = { kind: "model_lost", at, n: 1, turn: 1 };

function record(...events: unknown[]): string {
  return JSON.stringify({ v: 1, kind: "journal", attempt: 1, events, addedLater: true });
}

test("a record of a loop is read as it was written, keys that are not known included", () => {
  const [body = ""] = new Walk().begin().reply(ask("mail__refund")).records;
  expect(parseJournal(body)).toEqual({ ok: true, record: JSON.parse(body) });
  expect(parseJournal(record({ ...lost, more: 1 }))).toMatchObject({
    ok: true,
    record: { events: [{ more: 1 }] },
  });
});

test.each([
  ["no JSON", "{", "a record that is no JSON"],
  ["no object", "[1]", "a record that is no object"],
  [
    "a higher version",
    JSON.stringify({ v: 2, kind: "journal" }),
    "a record of version 2; this build knows 1",
  ],
  ["another kind", JSON.stringify({ v: 1, kind: "diary" }), 'a record of kind "diary"'],
  ["no events", JSON.stringify({ v: 1, kind: "journal", attempt: 1 }), "a record without attempt and events"],
  ["an unknown event", record(lost, { kind: "model_dreamed", at }), 'an event of kind "model_dreamed"'],
  ["a name that every object has", record({ kind: "toString", at }), 'an event of kind "toString"'],
  ["an event that is nothing", record(null), "an event that is no object"],
  ["an event without a time", record({ ...lost, at: "soon" }), "a damaged model_lost: it has no time"],
  [
    "a reply without usage",
    record({ ...lost, kind: "model_replied", model: "m", reply: { parts: [] } }),
    "its reply",
  ],
  ["a call without a name", record(reply({ kind: "call", id: "1" })), "its reply"],
  ["an amount that is none", record(called({ tokens: 10, usd: "1e9" })), "its reserved"],
  ["tokens that are none", record(called({ tokens: -1 })), "its reserved"],
  ["a price that is none", record({ ...reply(), usd: "much" }), "its usd"],
  ["an ask that is nothing", record({ kind: "call_suspended", at, call: "1-1", asks: [null] }), "its asks"],
  [
    "an approval that shows nothing",
    record({ kind: "call_asked", at, call: "1-1", tool: "x.y", shown: {}, hash: "", expiresMs: 1 }),
    "its shown",
  ],
  ["an output that is missing", record({ kind: "call_returned", at, call: "1-1" }), "its output"],
])("%s is refused", (_, body, why) => {
  const parsed = parseJournal(body);
  expect(parsed).toMatchObject({ ok: false });
  expect(parsed.ok ? "" : parsed.message).toContain(why);
});

test("a refusal never shows what the journal holds", () => {
  const parsed = parseJournal(record({ kind: "agent_finished", at, output: "hunter2" }));
  expect(JSON.stringify(parsed)).not.toContain("hunter2");
});

test.each([
  ["a reply before the start", { ...reply(), kind: "model_lost" }],
  [
    "an end before the start",
    { kind: "agent_failed", at, failure: { code: "x", message: "x" }, retryable: true },
  ],
  [
    "a start that nobody made",
    { kind: "agent_started", at, agent: "a", model: "m", messages: { inline: [] } },
  ],
])("a history that cannot be is thrown: %s", (_, event) => {
  const parsed = parseJournal(record(event));
  if (!parsed.ok) throw new Error(parsed.message);
  expect(() => parsed.record.events.reduce(evolveTurn, emptyTurn)).toThrow(
    "the history does not fit together",
  );
});

function reply(...parts: unknown[]) {
  const said = { parts, finish: "stop", usage: { inputTokens: 1, outputTokens: 1 } };
  return { kind: "model_replied", at, n: 1, turn: 1, model: "m", reply: said, ms: 1 };
}

function called(reserved: object): object {
  return { kind: "model_called", at, n: 1, turn: 1, model: "m", reserved };
}
