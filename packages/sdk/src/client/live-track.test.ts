import type { JournalView, LivePart, LiveView, TurnEvent } from "@agentflow/protocol";
import { parseId } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { type LiveItem, LiveTrack } from "./live-track.ts";

const at = "2026-01-01T00:00:00.000Z";
const run = "r1";
const usage = { inputTokens: 1, outputTokens: 1 };

function live(...parts: readonly LivePart[]): LiveView {
  const step = parseId("step instance", "a");
  return { run, live: { v: 1, kind: "live", at, step, attempt: 1, seq: 1, parts } };
}

function journal(...events: readonly TurnEvent[]): JournalView {
  return { run, step: "a", revision: 1, record: { v: 1, kind: "journal", attempt: 1, events } };
}

function replied(n: number, text: string, reasoning = ""): JournalView {
  const parts = [{ kind: "reasoning", text: reasoning } as const, { kind: "text", text } as const];
  const reply = { parts, finish: "stop", usage } as const;
  return journal({ kind: "model_replied", at, n, turn: n, model: "m", reply, ms: 1 });
}

function failed(n: number): JournalView {
  const failure = { code: "model_unavailable", message: "cut short" };
  return journal({ kind: "model_failed", at, n, turn: n, model: "m", failure, ms: 1 });
}

const piece = (n: number, from: number, text: string): LiveView => live({ kind: "text", n, from, text });

function show(items: readonly LiveItem[]): string[] {
  return items.map((item) => {
    if (item.kind === "text" || item.kind === "reasoning") return `${item.n}@${item.from}:${item.text}`;
    return item.kind === "void" ? `void ${item.n}: ${item.reason}` : item.kind;
  });
}

test("pieces that overlap are told once, and what a gap left out comes with the journal", () => {
  const track = new LiveTrack();
  expect(show(track.live(piece(1, 0, "one ")))).toEqual(["1@0:one "]);
  expect(show(track.live(piece(1, 0, "one two ")))).toEqual(["1@4:two "]);
  expect(track.live(piece(1, 2, "e t"))).toEqual([]);
  expect(track.live(piece(1, 12, "four"))).toEqual([]);
  // What was told so far comes once more, whole: the gap is closed by it.
  expect(show(track.live(piece(1, 0, "one two 3 ")))).toEqual(["1@8:3 "]);
  expect(show(track.journal(replied(1, "one two 3 four"), "c"))).toEqual(["1@10:four", "journal"]);
  expect(track.live(piece(1, 10, "four"))).toEqual([]);
});

test("a reply of which nothing was heard comes whole, its reasoning first", () => {
  const track = new LiveTrack();
  expect(show(track.journal(replied(1, "said", "thought"), "c"))).toEqual([
    "1@0:thought",
    "1@0:said",
    "journal",
  ]);
  expect(show(track.journal(replied(2, ""), "c"))).toEqual(["journal"]);
});

test("a reply that broke off is void, once, whoever says it; one of which nothing was told is not", () => {
  const track = new LiveTrack();
  track.live(piece(1, 0, "lost"));
  expect(show(track.live(live({ kind: "void", n: 1, reason: "cut" })))).toEqual(["void 1: cut"]);
  expect(show(track.journal(failed(1), "c"))).toEqual(["journal"]);
  expect(track.live(piece(1, 4, " late"))).toEqual([]);
  track.live(piece(2, 0, "lost too"));
  expect(show(track.journal(failed(2), "c"))).toEqual(["void 2: cut short", "journal"]);
  expect(show(track.journal(failed(3), "c"))).toEqual(["journal"]);
  track.live(piece(4, 0, "of a dead attempt"));
  const lost = journal({ kind: "model_lost", at, n: 4, turn: 4 });
  expect(show(track.journal(lost, "c"))).toEqual([
    "void 4: the attempt that made the call is gone",
    "journal",
  ]);
});

test("calls are told once each, also when they are told again to who came back", () => {
  const track = new LiveTrack();
  const call = (index: number, tool: string) => ({ kind: "call", n: 1, tool, index }) as const;
  expect(track.live(live(call(0, "a")))).toMatchObject([{ kind: "call", tool: "a" }]);
  expect(track.live(live(call(0, "a"), call(1, "b")))).toMatchObject([{ kind: "call", tool: "b" }]);
});

test.each(Array.from({ length: 50 }, (_, seed) => seed))(
  "whatever is lost, told twice or told late, each reply is told once and in order (seed %i)",
  (seed) => {
    const dice = diceOf(seed);
    const track = new LiveTrack();
    const told: LiveItem[] = [];
    const replies = Array.from({ length: 6 }, (_, i) => textOf(dice, i));
    const late: LiveView[] = [];
    for (const [i, text] of replies.entries()) {
      const n = i + 1;
      for (let from = 0; from < text.length; ) {
        const to = Math.min(text.length, from + 1 + dice(9));
        const message = piece(n, from, text.slice(from, to));
        if (dice(5) === 0) late.push(message);
        else if (dice(5) > 0) told.push(...track.live(message));
        // Who comes back hears all so far once more.
        if (dice(10) === 0) told.push(...track.live(piece(n, 0, text.slice(0, to))));
        if (dice(10) === 0 && late[0] !== undefined) told.push(...track.live(late[0]));
        from = to;
      }
      told.push(...track.journal(i % 3 === 2 ? failed(n) : replied(n, text), `c${n}`));
      for (const message of late.splice(0)) told.push(...track.live(message));
    }
    const heard = new Map<number, string>();
    for (const item of told) {
      if (item.kind === "void") heard.delete(item.n);
      if (item.kind !== "text") continue;
      const before = heard.get(item.n) ?? "";
      expect(item.from).toBe(before.length);
      heard.set(item.n, before + item.text);
    }
    expect([...heard]).toEqual(
      replies.flatMap((text, i) => (i % 3 === 2 || text === "" ? [] : [[i + 1, text]])),
    );
    // Nothing of a reply comes behind its record.
    const ends = told.flatMap((item, place) => (item.kind === "journal" ? [place] : []));
    for (const [place, item] of told.entries()) {
      if (item.kind === "text") expect(place).toBeLessThan(ends[item.n - 1] ?? 0);
    }
  },
);

function textOf(dice: (sides: number) => number, i: number): string {
  return Array.from({ length: dice(60) }, (_, at) => String.fromCodePoint(97 + ((i * 7 + at) % 26))).join("");
}

function diceOf(seed: number): (sides: number) => number {
  let state = seed * 2_654_435_761 + 12_345;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}
