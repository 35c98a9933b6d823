import { readFileSync } from "node:fs";
import { AgentFlowError, instant, parseId } from "@agentflow/protocol";
import type { Session } from "@agentflow/sdk/client";
import { expect, test } from "vitest";
import { parseJetStream } from "./archive/parse-jetstream.ts";
import { ledgerSteps } from "./embedded/project.ts";
import { systemNamed, usualSystems } from "./harness/adapter.ts";
import type { Measured } from "./harness/load.ts";
import { parseFlags } from "./harness/parse-flags.ts";
import { parseSitting } from "./harness/parse-sitting.ts";
import type { Sitting, SystemResult } from "./harness/result.ts";
import { renderSitting } from "./harness/table.ts";
import { faultsOf, type History } from "./kills/history.ts";
import { kindAt } from "./kills/installation.ts";
import { recoveries } from "./kills/recovery.ts";
import { Noisy } from "./tenants/noisy.ts";

const recorded = parseSitting(readFileSync(new URL("./fixtures/sitting.json", import.meta.url), "utf8"));

function rowsOf(sitting: Sitting): readonly string[][] {
  const lines = renderSitting(sitting)
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| ---"));
  return lines.map((line) => line.split("|").map((cell) => cell.trim().replaceAll("*", "")));
}

function cell(sitting: Sitting, row: string, column: string): string | undefined {
  const [head, ...rows] = rowsOf(sitting);
  return rows.find((cells) => cells[1] === row)?.[head?.indexOf(column) ?? -1];
}

/** The recorded sitting with our own W3 changed. */
function withOurW3(change: Partial<Measured>): Sitting {
  const results = recorded.results.map((result): SystemResult => {
    if (result.system !== "agentflow-embedded") return result;
    return {
      ...result,
      reps: result.reps.map((rep) => (rep.w3 ? { ...rep, w3: { ...rep.w3, ...change } } : rep)),
    };
  });
  return { ...recorded, results };
}

test("the table shows our row first, below its budgets, and then every other system", () => {
  const names = rowsOf(recorded).map((cells) => cells[1]);
  expect(names).toEqual([
    "system",
    "budget of agentflow-embedded",
    "agentflow-embedded",
    "http-floor",
    "restate",
    "bullmq-fsync",
  ]);
});

test("a cell is the median over the repeats", () => {
  expect(cell(recorded, "agentflow-embedded", "W1 p50 ms")).toBe("1.5");
  expect(cell(recorded, "agentflow-embedded", "W3 runs/s")).toBe("11,000");
});

test("a figure outside its budget is marked, in the cell and in words", () => {
  const slow = withOurW3({ perSec: 9_000 });
  expect(cell(slow, "agentflow-embedded", "W3 runs/s")).toBe("9,000 ✗");
  expect(renderSitting(slow)).toContain("agentflow-embedded: missed W3 runs/s 9,000 (≥ 10,000)");
  expect(renderSitting(recorded)).toContain("agentflow-embedded: within every budget measured");
});

test("a row measured under a load that differs by more than 0.15 is marked as not comparable", () => {
  expect(cell(recorded, "http-floor", "W3 runs/s")).not.toContain("†");
  expect(cell(recorded, "restate", "W3 runs/s")).toContain("†");
  expect(renderSitting(recorded)).toMatch(/† not comparable: .*agentflow-embedded \(restate\)/);
});

test("a difference of exactly 0.15 still compares", () => {
  const floor = recorded.results.find(({ system }) => system === "http-floor");
  const foreign = (floor?.reps[0]?.w3?.foreign ?? 0) + 0.15;
  expect(cell(withOurW3({ foreign }), "http-floor", "W3 runs/s")).not.toContain("†");
  expect(cell(withOurW3({ foreign: foreign + 0.01 }), "http-floor", "W3 runs/s")).toContain("†");
});

test("the heading names date, Node, CPUs and the disk's fsync before and after", () => {
  const [heading] = renderSitting(recorded).split("\n");
  expect(heading).toBe(
    "2026-11-23T22:00:00.000Z · Node v24.21.0 · 2 CPUs · " +
      "fdatasync of 350 bytes p50/p95 0.17/0.3 ms before, 0.18/0.35 ms after",
  );
});

test("what was skipped or failed is named with its reason", () => {
  const text = renderSitting(recorded);
  expect(text).toContain("- skipped dbos: postgres is not installed; `apt-get install -y postgresql`");
  expect(text).toContain("- bullmq-fsync: w4 failed: wrong result 99 for fan/100");
  expect(cell(recorded, "bullmq-fsync", "W4 p50 ms")).toBe("–");
});

test("memory and rate after growth come from the first and the last level", () => {
  expect(cell(recorded, "agentflow-embedded", "W5 control MiB")).toBe("140");
  expect(cell(recorded, "agentflow-embedded", "W5 rate %")).toBe("96");
});

test("every usual system is one that can be measured", () => {
  for (const name of usualSystems) expect(systemNamed(name).name).toBe(name);
  expect(() => systemNamed("tempural")).toThrow(/no system "tempural"/);
});

test("a workload or number that is none is refused before anything runs", () => {
  expect(() => parseFlags(["--work", "w1,w9"])).toThrow(/no workload "w9"/);
  expect(() => parseFlags(["--cap", "soon"])).toThrow(/--cap needs a number/);
  expect(parseFlags(["--fill", "10,20"]).limits.fill).toEqual([10, 20]);
});

test("what is struck is drawn by its share", () => {
  const shares = [
    ["rare", 1],
    ["often", 3],
  ] as const;
  expect([0, 0.24, 0.25, 0.99].map((roll) => kindAt(shares, roll))).toEqual([
    "rare",
    "rare",
    "often",
    "often",
  ]);
});

test("recovery is the time to the next recorded progress of the runs that were in flight", () => {
  const histories = [historyOf([0, 100, 400]), historyOf([50, 900]), historyOf([0, 150])];
  const [recovery] = recoveries([{ what: "tree", atMs: 200 }], histories);
  expect(recovery).toEqual({ what: "tree", atMs: 200, firstMs: 200, allMs: 700 });
});

test("a history with one result a step and no gap has no fault", () => {
  expect(faultsOf(wholeHistory())).toEqual([]);
});

test("a result that is recorded twice, lost, or out of a hole is a fault", () => {
  const { run, events } = wholeHistory();
  const second = events[2];
  if (second === undefined) throw new Error("the history has a second step");
  const twice = [...events.slice(0, 3), { ...second, revision: second.revision + 0.5 }, ...events.slice(3)];
  expect(faultsOf({ run, events: twice })).toEqual(["r: step s1 has 2 results"]);
  expect(faultsOf({ run, events: events.toSpliced(2, 1) })).toEqual(["r: step s1 has 0 results"]);
  expect(faultsOf({ run, events: events.with(2, { ...second, n: 1 }) })).toHaveLength(1);
  expect(faultsOf({ run, events: events.slice(0, -1) })).toEqual(["r: 0 endings"]);
});

type Event = History["events"][number]["event"];

/** Results at these instants, one commit each. */
function historyOf(times: readonly number[]): History {
  return fromEvents(times.map((ms, i) => result(i, ms)));
}

function wholeHistory(): History {
  const results = Array.from({ length: ledgerSteps }, (_, i) => result(i, 10 * i));
  const started: Event = {
    kind: "run_started",
    at: instant(0),
    workflow: "chain",
    version: "0123456789ab",
    plan: parseId("definition", "0".repeat(64)),
    build: parseId("build", "dev"),
    input: { inline: { n: 0 } },
    fingerprint: "0".repeat(64),
  };
  const ended: Event = { kind: "run_completed", at: instant(1_000), output: { inline: { n: ledgerSteps } } };
  return fromEvents([started, ...results, ended]);
}

function fromEvents(events: readonly Event[]): History {
  return { run: "r", events: events.map((event, revision) => ({ run: "r", revision, n: 0, event })) };
}

function result(n: number, ms: number): Event {
  const step = parseId("step instance", `s${n}`);
  return { kind: "step_succeeded", at: instant(ms), step, output: { inline: { n: n + 1 } } };
}

test("what a nats-server says of its streams is read, and what it leaves out is 0", () => {
  const state = { messages: 3, bytes: 900, num_subjects: 2, num_deleted: 7 };
  const stream_detail = [{ name: "AF_LOG_0", state }, { name: "AF_DEAD" }];
  const text = JSON.stringify({ memory: 10, storage: 20, account_details: [{ stream_detail }, {}] });
  expect(parseJetStream(text)).toEqual({
    memoryBytes: 10,
    storageBytes: 20,
    streams: [
      { name: "AF_LOG_0", messages: 3, bytes: 900, subjects: 2, deleted: 7 },
      { name: "AF_DEAD", messages: 0, bytes: 0, subjects: 0, deleted: 0 },
    ],
  });
  expect(parseJetStream("{}").streams).toEqual([]);
});

test("the noisy tenant comes again when told to, under the same id, and counts that", async () => {
  const told = new AgentFlowError("limit_exceeded", "later", {
    reason: "too_many_open",
    details: { retryAfterMs: 1 },
  });
  const asked: string[] = [];
  const session: Pick<Session, "start"> = {
    start: async (workflow, _input, { run = "" } = {}) => {
      asked.push(`${workflow} ${run}`);
      if (asked.length === 1) throw told;
      return { run: parseId("run", run), status: "running", revision: 1 };
    },
  };
  let made = 0;
  const noisy = new Noisy({
    session,
    client: { newRunId: () => parseId("run", `r${String(made++).padStart(26, "0")}`) },
    runs: 2,
    inFlight: 1,
    workflowOf: (n) => (n === 0 ? "hung" : "two"),
  });
  await noisy.run();
  expect(asked.map((one) => one.replace(/0+/, ""))).toEqual(["hung r", "hung r", "two r1"]);
  expect(noisy.accepted.length).toBe(2);
  expect([...noisy.refused]).toEqual([["limit_exceeded/too_many_open", 1]]);
});
