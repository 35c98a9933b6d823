import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import type { JournalRecord } from "@agentflow/protocol";
import { journalRecordSchema } from "@agentflow/protocol/schema";
import { describe, expect, test } from "vitest";
import { stories } from "./fixtures/stories.ts";
import { eventText } from "./fixtures/walk.ts";
import { type TurnState, allCalls, callsOf, foldTurn } from "./index.ts";

// `UPDATE_HISTORIES=1` writes the file of a new release. Files that are there stay as they are: they are what
// releases wrote, and today's fold must read them.
const folder = new URL("./histories/", import.meta.url);

interface History {
  readonly name: string;
  readonly records: readonly JournalRecord[];
  readonly end: unknown;
}

/** As JSON: what a build adds to its state later is no part of the promise. */
function summary(state: TurnState): unknown {
  if (state.kind === "absent") return state.kind;
  const { kind, attempt, agent, model, replies, modelCalls, agentCalls, spent } = state;
  const calls = Object.fromEntries(
    allCalls(state).map((call) => [call.call, { ...call, part: call.part.tool }]),
  );
  const entries = state.entries.map((entry) => {
    if (entry.kind !== "reply") return entry;
    const { kind: what, turn, reply } = entry;
    return { kind: what, turn, reply, calls: callsOf(state, entry).map(({ call }) => call) };
  });
  const end = state.kind === "ended" ? state.end : "none";
  const asking = state.asking ?? "nothing";
  const said = { entries, calls, asking, end };
  return JSON.parse(
    JSON.stringify({ kind, attempt, agent, model, replies, modelCalls, agentCalls, spent, ...said }),
  );
}

function release(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  return version;
}

function record(): History[] {
  return stories.map(({ name, walk }) => {
    const { records, state } = walk();
    return { name, records: records.map((body) => JSON.parse(body)), end: summary(state) };
  });
}

const file = new URL(`${release()}.json`, folder);
if (process.env["UPDATE_HISTORIES"] === "1" && !existsSync(file)) {
  writeFileSync(file, `${JSON.stringify({ v: 1, release: release(), histories: record() }, null, 1)}\n`);
}

test("this release has its histories", () => {
  expect(existsSync(file), "write them with UPDATE_HISTORIES=1").toBe(true);
});

describe.each(readdirSync(folder).filter((name) => name.endsWith(".json")))("journals of %s", (name) => {
  const { histories }: { histories: readonly History[] } = JSON.parse(
    readFileSync(new URL(name, folder), "utf8"),
  );

  test("hold every kind of event", () => {
    const kinds = histories.flatMap(({ records }) => records.flatMap(({ events }) => events.map(eventText)));
    expect(new Set(kinds.map((text) => text.split(" ")[0])).size).toBeGreaterThanOrEqual(20);
  });

  test.each(histories)("$name folds to its recorded end", ({ records, end }) => {
    expect(summary(foldTurn(records))).toEqual(end);
    for (const record of records) expect(journalRecordSchema.parse(record)).toEqual(record);
  });
});
