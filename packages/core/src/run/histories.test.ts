import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import type { Commit } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { peopleStories } from "./fixtures/people-stories.ts";
import { type Story, stories } from "./fixtures/stories.ts";
import { plan } from "./fixtures/plans.ts";
import { Walk } from "./fixtures/walk.ts";
import { type RunState, fold } from "./index.ts";

// `UPDATE_HISTORIES=1` writes the file of a new release. Files that are there stay as they are: they are what
// releases wrote, and today's fold must read them.
const folder = new URL("./histories/", import.meta.url);

interface History {
  readonly name: string;
  readonly commits: readonly Commit[];
  readonly end: unknown;
}

function summary(state: RunState): unknown {
  if (state.kind === "absent") return state.kind;
  const steps = Object.fromEntries([...state.steps].map(([id, step]) => [id, stepSummary(step)]));
  const end = state.kind === "ended" ? state.end : "active";
  return {
    end,
    steps,
    seq: state.seq,
    dispatched: state.dispatched,
    inputs: [...state.inputs],
    ...people(state),
  };
}

/** Left out where there is none: older files say nothing of it. */
function people({ approvals, usage }: Exclude<RunState, { kind: "absent" }>): object {
  return { ...(approvals.length === 0 ? {} : { approvals }), ...(usage === undefined ? {} : { usage }) };
}

function stepSummary(step: object): unknown {
  return JSON.parse(JSON.stringify(step));
}

function release(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  return version;
}

function record(all: readonly Story[]): History[] {
  return all.map(({ name, steps, rest, inputs }) => {
    const { commits, state } = new Walk(plan(steps, rest)).given(...inputs);
    return { name, commits, end: summary(state) };
  });
}

const files = [
  { file: new URL(`${release()}.json`, folder), all: stories },
  { file: new URL(`${release()}-people.json`, folder), all: peopleStories },
];
for (const { file, all } of files) {
  if (process.env["UPDATE_HISTORIES"] !== "1" || existsSync(file)) continue;
  writeFileSync(file, `${JSON.stringify({ v: 1, release: release(), histories: record(all) }, null, 1)}\n`);
}

test("this release has its histories", () => {
  for (const { file } of files) expect(existsSync(file), "write them with UPDATE_HISTORIES=1").toBe(true);
});

describe.each(readdirSync(folder).filter((name) => name.endsWith(".json")))("histories of %s", (name) => {
  const { histories }: { histories: readonly History[] } = JSON.parse(
    readFileSync(new URL(name, folder), "utf8"),
  );

  test("are at least eight different runs", () => {
    expect(new Set(histories.map((history) => history.name)).size).toBeGreaterThanOrEqual(8);
  });

  test.each(histories)("$name folds to its recorded end", ({ commits, end }) => {
    expect(summary(fold(commits))).toEqual(end);
  });
});
