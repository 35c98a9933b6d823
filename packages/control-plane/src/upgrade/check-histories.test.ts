/** What a release says of histories before it takes over: those that it can go on with, and others. */
import { openMemoryBus, type MemoryBus } from "@agentflow/bus/memory";
import { systemWorld } from "@agentflow/host/system";
import {
  type Commit,
  defaultTenant,
  devBuild,
  instant,
  makeRunId,
  parseId,
  type RunId,
  subjects,
  type StepInstance,
  type WorkflowDefinition,
} from "@agentflow/protocol";
import { createHash } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { definitionKey } from "../orchestrator/plans.ts";
import { shardOf } from "../orchestrator/shard.ts";
import { compile } from "../registry/compile.ts";
import { canonicalJson, sha256 } from "../registry/canonical.ts";
import { checkHistories } from "./check-histories.ts";

const world = systemWorld();
const at = instant(Date.UTC(2026, 0, 1));
const definition: WorkflowDefinition = {
  apiVersion: "agentflow.dev/v1",
  kind: "Workflow",
  name: "echo",
  steps: { a: { uses: "tool:t.echo", with: { x: "${input.x}" } } },
};
const none = { version: "0".repeat(12), tools: [], agents: [], strict: false };
const planText = canonicalJson(compile(definition, none).plan);
const plan = sha256(planText);

let bus: MemoryBus;
let count: number;
beforeEach(async () => {
  bus = openMemoryBus({ world, polite: true, logs: 4 });
  count = 0;
  await bus.blobs.put(definitionKey(defaultTenant, plan), new TextEncoder().encode(planText));
});

const check = (signal = new AbortController().signal) =>
  checkHistories({ bus, clock: world.clock, release: "9.9.9", signal });

const runId = (): RunId => {
  const random = Buffer.alloc(10);
  random.writeUInt32BE(count++, 0);
  return makeRunId(Date.UTC(2026, 0, 1), random);
};

const subjectOf = (run: RunId) => subjects.run({ shard: shardOf(run), tenant: defaultTenant, run });

const startOf = (more: object = {}): Commit["events"] =>
  JSON.parse(
    JSON.stringify([
      {
        kind: "run_started",
        at,
        workflow: "echo",
        version: "0".repeat(12),
        plan,
        build: devBuild,
        input: { inline: { x: 1 } },
        fingerprint: "f",
        ...more,
      },
    ]),
  );

const write = (run: RunId, body: object | string) =>
  bus.log.append(subjectOf(run), typeof body === "string" ? body : JSON.stringify(body), { expect: "any" });

const commit = (events: Commit["events"], more: object = {}) => ({
  v: 1,
  kind: "commit",
  inputs: [{ id: "start", events: events.length, commands: 0 }],
  events,
  commands: [],
  ...more,
});

async function inFlight(more: object = {}): Promise<RunId> {
  const run = runId();
  await write(run, commit(startOf(more)));
  return run;
}

async function ended(): Promise<RunId> {
  const run = await inFlight();
  await write(run, commit([{ kind: "run_cancelled", at, reason: "enough" }]));
  return run;
}

test("ten thousand runs fold, and all that those in flight name is there", async () => {
  for (let n = 0; n < 5_000; n++) await Promise.all([inFlight(), ended()]);
  const report = await check();
  expect(report).toMatchObject({
    release: "9.9.9",
    runs: { open: 5_000, ended: 5_000, unreadable: 0 },
    commits: 15_000,
    events: 15_000,
    plans: 1,
    errors: 0,
    warnings: 1,
  });
  expect(report.findings).toEqual([
    {
      code: "no_worker_of_build",
      severity: "warning",
      tenant: defaultTenant,
      message: "5000 runs in flight need build dev, and no worker of it is there now",
    },
  ]);
});

test.each([
  ["an event of a kind of the future", [{ kind: "run_teleported", at }], {}, /kind "run_teleported"/],
  ["a commit of a version of the future", [], { v: 2 }, /version 2; this build knows 1/],
])(
  "%s is named with its run and revision, and the others are read all the same",
  async (_, events, more, why) => {
    await inFlight();
    const run = await inFlight();
    const later = JSON.parse(JSON.stringify(commit([], more)));
    const appended = await write(run, { ...later, events });
    await inFlight();
    const report = await check();
    expect(report).toMatchObject({ runs: { open: 2, ended: 0, unreadable: 1 }, errors: 1 });
    expect(report.findings[0]).toMatchObject({
      code: "history_newer",
      severity: "error",
      tenant: defaultTenant,
      run,
      revision: appended.revision,
      message: expect.stringMatching(why),
    });
  },
);

test("a history that does not fit together is named", async () => {
  const run = runId();
  await write(run, commit([{ kind: "run_cancelled", at, reason: "never began" }]));
  const report = await check();
  expect(report.findings).toEqual([
    expect.objectContaining({ code: "history_broken", severity: "error", run }),
  ]);
});

test("every run whose plan is not stored is named; of those that ended nobody needs it", async () => {
  const gone = "1".repeat(64);
  const [one, two] = [await inFlight({ plan: gone }), await inFlight({ plan: gone })];
  const over = await inFlight({ plan: gone });
  await write(over, commit([{ kind: "run_cancelled", at, reason: "enough" }]));
  const { findings, errors, plans } = await check();
  expect([errors, plans]).toEqual([2, 1]);
  const missing = findings.filter(({ code }) => code === "plan_missing");
  expect(new Set(missing.map(({ run }) => run))).toEqual(new Set([one, two]));
  expect(missing[0]).toMatchObject({ severity: "error", key: `${defaultTenant}/_def/${gone}` });
});

test("a plan that this release cannot walk is no plan", async () => {
  const text = JSON.stringify({ v: 2, kind: "plan" });
  const hash = createHash("sha256").update(text).digest("hex");
  await bus.blobs.put(`${defaultTenant}/_def/${hash}`, Buffer.from(text));
  const run = await inFlight({ plan: hash });
  expect((await check()).findings[0]).toMatchObject({ code: "plan_unreadable", run });
});

test("a value that a run in flight names must be there", async () => {
  const hash = "2".repeat(64);
  const run = runId();
  const key = `${defaultTenant}/${run}/${hash}`;
  await write(run, commit(startOf({ input: { blob: key, bytes: 100_000 } })));
  expect((await check()).findings[0]).toMatchObject({ code: "value_missing", run, key, severity: "error" });
});

test("journals of agents fold too; one of the future keeps a run in flight from going on", async () => {
  const step: StepInstance = parseId("step instance", "draft");
  const journal = async (run: RunId, events: readonly object[]) => {
    const subject = subjects.turn({ shard: shardOf(run), tenant: defaultTenant, run, step });
    const body = JSON.stringify({ v: 1, kind: "journal", attempt: 1, events });
    return bus.log.append(subject, body, { expect: "any" });
  };
  const [run, over] = [await inFlight(), await ended()];
  await journal(run, [{ kind: "agent_dreamt", at }]);
  await journal(over, [{ kind: "agent_dreamt", at }]);
  const report = await check();
  expect(report).toMatchObject({ journals: 2, journalRecords: 2, errors: 1, warnings: 2 });
  expect(report.findings[0]).toMatchObject({ code: "journal_newer", severity: "error", run, step });
  expect(report.findings).toContainEqual(expect.objectContaining({ severity: "warning", run: over, step }));
});

test("a workflow's row and what new runs of it would begin on are looked at", async () => {
  await bus.table.put("workflow.default.old", JSON.stringify({ v: 2, name: "old" }), { expect: "any" });
  const version = { version: "0".repeat(12), definition: "3".repeat(64), plan, registeredAt: at };
  const head = { v: 1, name: "echo", steps: 1, ...version, versions: [version] };
  await bus.table.put("workflow.default.echo", JSON.stringify(head), { expect: "any" });
  const { findings, workflows, errors } = await check();
  expect([workflows, errors]).toEqual([2, 2]);
  expect(findings.map(({ code }) => code).toSorted()).toEqual(["definition_missing", "row_unknown"]);
});

test("nothing is written, and what takes too long is given up", async () => {
  await inFlight();
  const before = await bus.log.heads();
  await check();
  expect(await bus.log.heads()).toEqual(before);
  await expect(check(AbortSignal.abort())).rejects.toMatchObject({
    code: "timeout",
    reason: "check_unfinished",
  });
});
