import type { JournalView, TurnEvent } from "@agentflow/protocol";
import type { LiveItem } from "@agentflow/sdk/client";
import { expect, test } from "vitest";
import { createOutput } from "../output/output.ts";
import { render } from "../output/text.ts";
import { showProgress } from "./progress.ts";
import { Speech } from "./speech.ts";
import { onLiveOf } from "./streaming.ts";

type Said = Exclude<LiveItem, { readonly kind: "event" }>;

const at = "2026-01-01T00:00:00.000Z";

const text = (step: string, said: string, kind: "text" | "reasoning" = "text"): Said => {
  return { kind, run: "r", step, at, n: 1, from: 0, text: said };
};

function journal(step: string, ...events: readonly TurnEvent[]): Said {
  const record: JournalView["record"] = { v: 1, kind: "journal", attempt: 1, events };
  return { kind: "journal", record: { run: "r", step, revision: 1, record }, cursor: undefined };
}

const replied: TurnEvent = {
  kind: "model_replied",
  at,
  n: 1,
  turn: 1,
  model: "m",
  ms: 1,
  reply: { parts: [], finish: "stop", usage: { inputTokens: 1, outputTokens: 1 } },
};

function shown(speech: Speech, ...items: readonly Said[]): string[] {
  return items.flatMap((item) => speech.take(item)).map((line) => render(line, false).replace(/\s+/g, " "));
}

test("whole lines are shown as they come, the last one with the reply's end, each under its step", () => {
  const speech = new Speech(80);
  const lines = shown(
    speech,
    text("a", "one\ntw"),
    text("b", "other\n"),
    text("a", "o"),
    journal("a", replied),
  );
  expect(lines).toEqual([" a one", " b other", " a two"]);
  expect(speech.under()).toEqual([]);
});

test("what is under way is a line of its own, and long lines are broken between words", () => {
  const speech = new Speech(60);
  const words = Array.from({ length: 20 }, (_, n) => `word${n}`).join(" ");
  const lines = shown(speech, text("a", words));
  expect(lines.length).toBeGreaterThan(2);
  const under = speech.under().map((line) => render(line, false).replace(/\s+/g, " "));
  expect([...lines, ...under].map((line) => line.slice(3)).join(" ")).toBe(words);
  expect(shown(new Speech(60), text("a", "x".repeat(100))).length).toBeGreaterThan(1);
});

test("what a model says moves no cursor and colours nothing", () => {
  const nasty = "\u001b]0;title\u0007\u001b[2J\rred\u202e\n";
  const [line = ""] = shown(new Speech(80), text("a", nasty));
  expect(line).toContain("\\x1b]0;title\\x07\\x1b[2J\\rred\\u202e");
});

test("calls, progress and replies that are void are said between the lines", () => {
  const lines = shown(
    new Speech(80),
    text("a", "half a sen"),
    { kind: "void", run: "r", step: "a", at, n: 1, reason: "cut" },
    journal("a", {
      kind: "call_started",
      at,
      call: "1-0",
      uses: "tool:mail.send",
      effect: "write",
      key: "k",
      input: { inline: {} },
    }),
    { kind: "progress", run: "r", step: "a", at, call: "1-0", message: "half way" },
    journal("a", { kind: "call_returned", at, call: "1-0", output: { inline: 1 }, ms: 12 }),
  );
  expect(lines).toEqual([
    " a half a sen",
    " a ! broke off, what it said is void: cut",
    " a → 1-0 tool:mail.send",
    " a » half way",
    " a ← 1-0 12ms",
  ]);
});

function outputFor(of: { json: boolean; terminal: boolean }) {
  let [out, talk] = ["", ""];
  const output = createOutput({
    json: of.json,
    noColor: true,
    debug: false,
    environment: {},
    stdout: { isTTY: of.terminal, columns: 80, write: (piece: string) => void (out += piece) },
    stderr: { isTTY: of.terminal, columns: 80, write: (piece: string) => void (talk += piece) },
  });
  return { output, said: () => ({ out, talk }) };
}

test("what agents say is asked for on a terminal, elsewhere only where --stream says so", () => {
  for (const [json, terminal, stream, wanted] of [
    [false, true, undefined, true],
    [false, true, false, false],
    [false, false, undefined, false],
    [false, false, true, true],
    [true, true, undefined, false],
    [true, false, true, true],
  ] as const) {
    const { output } = outputFor({ json, terminal });
    const progress = showProgress(output);
    expect("onLive" in onLiveOf(stream, { output, progress }), `${json} ${terminal} ${stream}`).toBe(wanted);
    progress.end();
  }
});

test("with --json each piece is a line", () => {
  const { output, said } = outputFor({ json: true, terminal: false });
  const progress = showProgress(output);
  const { onLive } = onLiveOf(true, { output, progress });
  onLive?.(text("a", "hi"));
  onLive?.(journal("a", replied));
  progress.end();
  const lines = said()
    .out.trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    { v: 1, kind: "text", run: "r", step: "a", n: 1, from: 0, text: "hi" },
    { v: 1, kind: "journal", step: "a", record: { kind: "journal" } },
  ]);
  expect(said().talk).toBe("");
});
