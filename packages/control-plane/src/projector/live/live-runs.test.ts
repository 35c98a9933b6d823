import { openMemoryBus } from "@agentflow/bus/memory";
import { createLog } from "@agentflow/host/log";
import { virtualWorld } from "@agentflow/host/virtual";
import { defaultTenant, type LiveMessage, makeRunId, parseId, type RunId } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { Hub } from "../hub.ts";
import { Voice } from "./fixtures/voice.ts";
import { LiveRuns } from "./live-runs.ts";

const tenant = defaultTenant;
const step = parseId("step instance", "a");

function opened() {
  const world = virtualWorld(1);
  const bus = openMemoryBus({ world, polite: true });
  const hub = new Hub(1);
  const live = new LiveRuns({
    wire: bus.wire,
    hub,
    timers: world.timers,
    say: createLog({ source: "control-plane", clock: world.clock, outputs: [] }),
    limits: { charactersPerRun: 1_000, charactersInAll: 1_500, keepMs: 10_000 },
  });
  const voiceOf = (run: RunId): Voice => new Voice({ bus, tenant, run, step });
  const runId = (): RunId => makeRunId(world.clock.now(), world.random.bytes(10));
  const join = async (run: RunId, heard: LiveMessage[] = []) => {
    const joining = live.join(tenant, run, (message) => void heard.push(message));
    await world.time.advance(50);
    return joining;
  };
  return { world, hub, live, voiceOf, runId, join };
}

test("what is kept of all runs is bounded, and nothing is kept of runs that nobody follows", async () => {
  const { world, live, voiceOf, runId, join } = opened();
  const runs = [runId(), runId(), runId()];
  const followers = await Promise.all(runs.map((run) => join(run)));
  for (const run of runs) voiceOf(run).say(1, 0, "x".repeat(700));
  voiceOf(runId()).say(1, 0, "x".repeat(700));
  await world.time.advance(50);
  expect(live.size).toBe(3);
  expect(live.characters).toBe(1_400);
  expect(followers.map((one) => one.soFar().length)).toEqual([1, 1, 0]);
  for (const one of followers) one.leave({ isEnded: false });
  expect(live.size).toBe(3);
  await world.time.advance(10_000);
  expect(live.size).toBe(0);
  expect(live.characters).toBe(0);
});

test("a run that many follow is heard once, until the last has left or the run has ended", async () => {
  const { world, hub, live, voiceOf, runId, join } = opened();
  const run = runId();
  const heard: LiveMessage[] = [];
  const [one, other] = [await join(run, heard), await join(run)];
  // Its own place behind the log is none of those that are counted.
  expect(hub.listeners).toBe(0);
  voiceOf(run).say(1, 0, "once");
  await world.time.advance(50);
  expect(heard).toHaveLength(1);
  one.leave({ isEnded: true });
  expect(live.size).toBe(1);
  other.leave({ isEnded: true });
  expect(live.size).toBe(0);
  const again = await join(run, heard);
  expect(again.soFar()).toEqual([]);
  await live.stop();
  voiceOf(run).say(1, 4, "more");
  await world.time.advance(50);
  expect(heard).toHaveLength(1);
});

test("names of tools are bounded too, in number, in length and in all", async () => {
  const { world, live, voiceOf, runId, join } = opened();
  const run = runId();
  const follower = await join(run);
  const voice = voiceOf(run);
  voice.tell({ kind: "call", n: 1, tool: "x".repeat(100_000) });
  await world.time.advance(50);
  expect(live.characters).toBe(200);
  for (let n = 0; n < 20; n++) voice.tell({ kind: "call", n: 1, tool: "x".repeat(100_000) });
  await world.time.advance(50);
  expect(live.characters).toBeLessThanOrEqual(1_000);
  // A name that was let go of leaves its place empty: the others keep theirs.
  voice.tell({ kind: "call", n: 1, tool: "last" });
  await world.time.advance(50);
  expect(follower.soFar()[0]?.parts.at(-1)).toEqual({ kind: "call", n: 1, tool: "last", index: 21 });
});
