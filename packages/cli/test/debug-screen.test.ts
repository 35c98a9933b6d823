import type { TurnEvent } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { render } from "../src/output/text.ts";
import { agentView } from "../src/debug/agent-view.ts";
import { difference } from "../src/debug/difference.ts";
import { agentRun, hostile } from "../src/debug/fixtures/agent-run.ts";
import { keyNames } from "../src/debug/key-names.ts";
import { firstPosition, type Position, press } from "../src/debug/model.ts";
import { paneData, paneNames } from "../src/debug/panes.ts";
import { entriesOf } from "../src/debug/recording.ts";
import { frameOf, type Size } from "../src/debug/screen.ts";
import { Replay } from "../src/debug/state.ts";
import { wrapText } from "../src/debug/wrap-text.ts";

const [{ viewRun }, { viewTurn }] = await Promise.all([
  import("@agentflow/core/run"),
  import("@agentflow/core/turn"),
]);
const recording = agentRun();
const entries = entriesOf(recording);
const replay = new Replay(recording, entries, { viewRun, viewTurn });
const size: Size = { columns: 110, rows: 20 };

function numberOf(kind: string, which = 0): number {
  return entries.filter(({ event }) => event.kind === kind)[which]?.n ?? -1;
}

function shown(position: Partial<Position>, of: Size = size): string[] {
  return frameOf(replay, { ...firstPosition, ...position }, of).lines.map((line) => render(line, false));
}

test("events of the run and of its journals stand in the order in which they were written", () => {
  expect(entries.map(({ n, of, event }) => `${n} ${of} ${event.kind}`)).toEqual([
    "1 run run_started",
    "2 run task_dispatched",
    "3 journal attempt_took_over",
    "4 journal agent_started",
    "5 journal model_called",
    "6 journal model_replied",
    "7 journal call_started",
    "8 journal call_returned",
    "9 journal model_called",
    "10 journal model_replied",
    "11 journal agent_finished",
    "12 run step_succeeded",
    "13 run run_completed",
  ]);
});

test("the state at an event is the fold of all up to it, and not of one more", () => {
  expect(replay.stateAt(0)).toMatchObject({ status: "not started", steps: {}, agents: {} });
  const working = replay.stateAt(numberOf("call_started"));
  expect(working).toMatchObject({ status: "running", steps: { answer: { status: "queued" } } });
  expect(working.agents["answer"]).toMatchObject({ turn: 1, calls: [{ call: "1-1", status: "under_way" }] });
  expect(replay.stateAt(entries.length)).toMatchObject({
    status: "completed",
    steps: { answer: { status: "succeeded", output: { text: "It is sent." } } },
    usage: {
      inputTokens: 220,
      outputTokens: 17,
      cacheReadTokens: 40,
      modelCalls: 2,
      toolCalls: 1,
      usd: "0.00092",
    },
  });
});

test("the prompt is what the newest model call was given; the messages go on with what came of it", () => {
  const at = numberOf("model_replied", 1);
  const roles = (pane: "prompt" | "messages", n: number) =>
    JSON.stringify(paneData(replay, n, pane))
      .match(/"role":"\w+"/g)
      ?.map((role) => role.slice(8, -1));
  expect(roles("prompt", at)).toEqual(["system", "user", "assistant", "tool"]);
  expect(roles("messages", at)).toEqual(["system", "user", "assistant", "tool", "assistant"]);
  expect(roles("prompt", numberOf("call_returned"))).toEqual(["system", "user"]);
  expect(paneData(replay, 2, "prompt")).toBe(null);
});

test("the difference to the event before names each place that changed", () => {
  expect(paneData(replay, numberOf("call_returned"), "diff")).toEqual([
    { path: "agents.answer.status", before: "calling", after: "waiting" },
    { path: "agents.answer.calls.0.status", before: "under_way", after: "returned" },
    { path: "agents.answer.calls.0.ms", after: 40 },
    { path: "agents.answer.calls.0.output", after: { state: `sent ${hostile}` } },
  ]);
  expect(difference({ a: [1, 2], b: 1 }, { a: [1, 3], c: 1 })).toEqual([
    { path: "a.1", before: 2, after: 3 },
    { path: "c", after: 1 },
    { path: "b", before: 1 },
  ]);
});

test("a journal that cannot be folded is told as that, and its events are shown all the same", () => {
  const at = "2026-01-01T00:00:00.000Z";
  const events = entries.flatMap((entry) => (entry.of === "journal" && entry.n <= 7 ? [entry.event] : []));
  const view = (more: TurnEvent) => agentView([...events, more], { step: "answer", fold: viewTurn });
  expect(view({ kind: "call_lost", at, call: "1-1", reason: "gone" })).toMatchObject({
    calls: [{ status: "lost" }],
  });
  expect(view({ kind: "agent_started", at, agent: "x", model: "m", messages: { inline: [] } })).toMatchObject(
    {
      agent: "support",
      status: expect.stringContaining("unreadable"),
    },
  );
});

test("first messages that stand by reference are named", () => {
  const at = "2026-01-01T00:00:00.000Z";
  const messages = { blob: "default/r1/abc", bytes: 70_000 };
  const events: TurnEvent[] = [
    { kind: "attempt_took_over", at, attempt: 1, worker: "w" },
    { kind: "agent_started", at, agent: "x", model: "m", messages },
  ];
  const view = agentView(events, { step: "answer", fold: viewTurn });
  expect(view?.messages).toMatchObject([{ text: expect.stringContaining("default/r1/abc, 70000 bytes") }]);
});

test("the screen has as many lines as the terminal, none wider than it, at any size and event", () => {
  for (const of of [size, { columns: 60, rows: 15 }, { columns: 200, rows: 60 }, { columns: 30, rows: 8 }]) {
    for (const { n } of entries) {
      for (const pane of paneNames) {
        const lines = shown({ n, pane }, of);
        expect(lines.length).toBe(of.rows);
        expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(of.columns);
      }
    }
  }
});

test("a long line is broken between words, and within one only where it must be", () => {
  const lines = (text: string, columns: number) => wrapText(text, columns).map((line) => render(line, false));
  expect(lines("look the order up first", 10)).toEqual(["look the", "order up", "first"]);
  expect(lines("a".repeat(25), 10)).toEqual(["a".repeat(10), "a".repeat(10), "a".repeat(5)]);
  expect(lines("日本語日本語", 5)).toEqual(["日本", "語日", "本語"]);
  expect(lines("\u001b[2Jx", 4)).toEqual(["\\x1b", "[2Jx"]);
});

test("what a tool or a prompt holds is shown and never obeyed", () => {
  for (const pane of paneNames) {
    for (const { n } of entries) {
      const color = frameOf(replay, { ...firstPosition, n, pane }, size).lines.map((line) =>
        render(line, true),
      );
      // Styles of ours are all there is.
      expect(color.join("").replaceAll(/\u001b\[\d{1,2}m/g, "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }
  }
  expect(shown({ n: 8, pane: "event" }).join("\n")).toContain("\\u001b[2J");
});

test("the screen at a tool's answer", () => {
  expect(shown({ n: 8, pane: "messages" }, { columns: 110, rows: 18 })).toMatchInlineSnapshot(`
    [
      "af debug  r00000000000000000000000007  triage  completed  event 8 of 13",
      "  1 · run_started  triage @ 0123456789ab       │ event state prompt [messages] calls usage diff ",
      "  2 · task_dispatched  answer  attempt 1       │ support in answer, turn 1",
      "  3   · attempt_took_over  answer  attempt 1 … │ ",
      "  4   · agent_started  answer  support with d… │ system",
      "  5   · model_called  answer  #1 default       │ You help.",
      "  6   ✓ model_replied  answer  #1 1 call  90→… │ Be brief. \\x1b[2J\\x1b]0;owned\\x07",
      "  7   · call_started  answer  1-1 tool:orders… │ ",
      "› 8   ✓ call_returned  answer  1-1 40ms        │ user",
      "  9   · model_called  answer  #2 default       │ where is order 7?",
      " 10   ✓ model_replied  answer  #2 stop  130→5… │ ",
      " 11   ✓ agent_finished  answer                 │ assistant",
      " 12 ✓ step_succeeded  answer                   │ → orders__find",
      " 13 ✓ run_completed                            │   {",
      "                                               │     "id": "7"",
      "                                               │   }",
      "                                               │ ",
      "1-15 of 20  q quit  n next  p previous  g go to  / search  N again  tab pane  ↑↓ scroll",
    ]
  `);
});

test("keys go through the events, the panes and the lines, and never beyond their ends", () => {
  const walk = (keys: string, from: Position = firstPosition): Position | undefined => {
    let position: Position | undefined = from;
    for (const key of keyNames(keys)) {
      if (position === undefined) return undefined;
      position = press(position, key, frameOf(replay, position, size).sight);
    }
    return position;
  };
  expect(walk("nnn")).toMatchObject({ n: 4 });
  expect(walk("npppp")).toMatchObject({ n: 1 });
  expect(walk("G")).toMatchObject({ n: 13 });
  expect(walk("Gn")).toMatchObject({ n: 13 });
  expect(walk("g12\r")).toMatchObject({ n: 12 });
  expect(walk("g-2\r")).toMatchObject({ n: 12 });
  expect(walk("g1x\u007f\u007f9\r")).toMatchObject({ n: 9 });
  expect(walk("gzz\r")).toMatchObject({ n: 1, note: "no number: zz" });
  expect(walk("/orders__find\r")).toMatchObject({ n: 6, lastSearch: "orders__find" });
  expect(walk("/call_\rN")).toMatchObject({ n: 8 });
  expect(walk("/nowhere\r")).toMatchObject({ n: 1, note: "not found: nowhere" });
  expect(walk("/q\u001b")).toMatchObject({ n: 1 });
  expect(walk("\t\t")).toMatchObject({ pane: "prompt" });
  expect(walk("\u001b[Z")).toMatchObject({ pane: "diff" });
  expect(walk("n4\u001b[B\u001b[B\u001b[B\u001b[A")).toMatchObject({ pane: "messages", n: 2 });
  expect(walk("\u001b[6~\u001b[6~")?.scroll).toBe(walk("\u001b[6~\u001b[6~\u001b[6~")?.scroll);
  expect(walk("nq")).toBeUndefined();
  expect(walk("/a\u0003")).toBeUndefined();
});
