/** Commits that nobody can read: one of them once made the read model rebuild itself for ever. */
import { defaultTenant, parseId, type RunId } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../engine.ts";
import { Kit } from "../orchestrator/fixtures/engine-kit.ts";
import { runSubject } from "../orchestrator/shard.ts";

const tenant = defaultTenant;

let kit: Kit;
afterEach(() => kit.close());

const at = "2026-11-26T12:00:00.000Z";
const started = {
  kind: "run_started",
  at,
  workflow: "one",
  version: "0123456789ab",
  plan: "0".repeat(64),
  build: "dev",
  input: { inline: {} },
  fingerprint: "0".repeat(64),
};

/** As somebody else's build, or a bad disk, may have written it. */
async function append(run: RunId, event: object, expectRevision = 0): Promise<number> {
  const commit = { v: 1, kind: "commit", inputs: [], events: [event], commands: [] };
  const subject = runSubject(tenant, run);
  const appended = await kit.drive(
    kit.bus.log.append(subject, JSON.stringify(commit), { expect: expectRevision }),
  );
  expect(appended.ok).toBe(true);
  return appended.revision;
}

test.each<[string, object]>([
  ["a start without its workflow", { ...started, workflow: undefined }],
  ["a start at no time", { ...started, at: "yesterday" }],
  ["a start whose labels are a number", { ...started, labels: 7 }],
  ["a completion without an output", { kind: "run_completed", at }],
  ["a failure that is a text", { kind: "run_failed", at, failure: "it went wrong" }],
  ["an end at no time", { kind: "run_cancelled", at: null, reason: "no" }],
  ["an unknown step without a step", { kind: "step_unknown", at, attempt: 1, reason: "lost" }],
  [
    "an approval that shows nothing",
    { kind: "approval_requested", at, step: "a", n: 1, hash: "x", expiresAt: at },
  ],
  [
    "a decision about no approval",
    { kind: "approval_decided", at, step: "a", approved: true, how: "person" },
  ],
  ["usage that is a text", { kind: "step_suspended", at, step: "a", attempt: 1, usage: "much" }],
  ["an event that is none", [null]],
])("%s is passed over and said, and its run is shown as unreadable", async (_, event) => {
  kit = new Kit(1, { polite: true });
  const { engine, metrics } = await kit.engineWithMetrics("engine-1");
  await kit.register(engine, "one", { a: { uses: "tool:t.echo" } });
  kit.worker();
  const before = kit.body("one", { x: 1 });
  await kit.drive(engine.runs.start(tenant, before, { waitMs: 60_000 }));
  const broken = kit.runId();
  const revision = await append(broken, event);
  const after = kit.body("one", { x: 2 });
  const { status } = await kit.drive(engine.runs.start(tenant, after, { waitMs: 60_000 }));
  expect(status).toBe("completed");
  // A model that rebuilds itself for ever never catches up.
  await kit.drive(engine.caughtUp(), 10_000);
  const said = kit.lines.filter((line) => line.includes("a commit cannot be read"));
  expect(said).toHaveLength(1);
  expect(JSON.parse(said[0] ?? "{}")).toMatchObject({ run: broken, level: "error", fields: { revision } });
  expect(kit.lines.some((line) => line.includes("rebuilding"))).toBe(false);
  expect(await metrics.text()).toContain("log_commits_unreadable_total 1\n");
  const shown = async (one: Engine): Promise<void> => {
    await kit.drive(one.caughtUp(), 10_000);
    const { runs } = await kit.drive(one.runs.list(tenant, {}));
    expect(new Map(runs.map((run) => [run.run, run.status]))).toEqual(
      new Map([
        [before.run, "completed"],
        [after.run, "completed"],
        [broken, "parked"],
      ]),
    );
    expect(runs.find(({ run }) => run === broken)).toMatchObject({
      workflow: "unreadable",
      revision,
      failure: { code: "incompatible", message: expect.stringContaining("the history holds") },
    });
    await expect(kit.drive(one.runs.get(tenant, broken))).rejects.toMatchObject({
      reason: "run_incompatible",
    });
  };
  await shown(engine);
  await kit.drive(engine.stop());
  await shown(await kit.engine("engine-2"));
});

test("a run that was fine keeps what is known of it, and followers of others miss nothing", async () => {
  kit = new Kit(2, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", { a: { uses: "tool:t.echo" } });
  const body = kit.body("one", { x: 1 });
  const run = parseId("run", body.run);
  const { revision } = await kit.drive(engine.runs.start(tenant, body, { waitMs: 0 }));
  const seen: string[] = [];
  const stop = new AbortController();
  const following = engine.runs.follow(tenant, {
    runs: "all",
    onEvent: (view) => void seen.push(view.event.kind),
    signal: stop.signal,
  });
  await append(run, { kind: "run_completed", at, output: "done" }, revision);
  kit.worker();
  await kit.drive(engine.runs.start(tenant, kit.body("one", { x: 2 }), { waitMs: 60_000 }));
  await kit.drive(engine.caughtUp(), 10_000);
  stop.abort();
  await kit.drive(following);
  expect(seen).toEqual(["run_started", "task_dispatched", "step_succeeded", "run_completed"]);
  const { runs } = await kit.drive(engine.runs.list(tenant, { status: ["parked"] }));
  expect(runs).toMatchObject([{ run, workflow: "one", failure: { code: "incompatible" } }]);
  expect((await kit.drive(engine.status())).runs).toMatchObject({ parked: 1, completed: 1 });
});

test("it is not said again with every look at silent runs", async () => {
  kit = new Kit(3, { polite: true });
  const engine = await kit.engine("engine-1", { silentMs: 600_000, nudgeEveryMs: 60_000 });
  await append(kit.runId(), { ...started, workflow: undefined });
  await kit.drive(engine.caughtUp(), 10_000);
  await kit.pass(1_500_000);
  const said = kit.lines.filter((line) => line.includes("run parked"));
  expect(said.length).toBeGreaterThan(0);
  // In half an hour: with each silence, not with each look.
  expect(said.length).toBeLessThan(6);
});
