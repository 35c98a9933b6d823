import { defaultPool, devBuild, makeTaskId, parseId, subjects } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { makeRunRef } from "../orchestrator/run-ref.ts";
import { type Item, Lane } from "./lane.ts";
import { QueueRoom } from "./queue-room.ts";
import { ReleaseGroup } from "./release.ts";

const [noisy, quiet] = [parseId("tenant", "noisy"), parseId("tenant", "quiet")];
const run = parseId("run", `r${"0".repeat(26)}`);

function laneOf(tenant: typeof noisy, waiting: number): Lane {
  const subject = subjects.task({ tenant, pool: defaultPool, build: devBuild });
  const lane = new Lane({ tenant, pool: defaultPool, build: devBuild, subject });
  const ref = makeRunRef(tenant, run);
  const input = parseId("input", "start");
  for (let n = 0; n < waiting; n++) {
    const step = parseId("step instance", `s~${n}`);
    const item: Item = {
      ref,
      lane,
      revision: 1,
      bytes: 1,
      order: n,
      sinceMs: 0,
      sentMs: 0,
      state: "waiting",
      id: makeTaskId({ tenant, run, input, n }),
      command: {
        kind: "dispatch_task",
        input,
        n,
        step,
        attempt: 1,
        pool: defaultPool,
        effect: "pure",
        uses: { kind: "tool", name: "t.echo" },
        with: { inline: null },
      },
      context: { workflow: "one", build: devBuild },
    };
    lane.add(item);
  }
  return lane;
}

const slots = { ofLane: () => 16, ofPool: () => 32 };
const options = { slots, withoutWorkers: 16, max: 500 };
const limits = { queuedTasksMax: 1_000, queuedBytesMax: 1_000 };

test("a tenant that took the whole while no other owner was known keeps nobody out once there is one", () => {
  // Each tenant has a worker of 16 slots. The noisy one's tasks hang: none of what is out comes back.
  const group = new ReleaseGroup();
  const hung = laneOf(noisy, 1_000);
  group.lanes.push(hung);
  const out: Item[] = [];
  group.release(
    { ...options, room: new QueueRoom(group.lanes, limits), share: (_, { total }) => total },
    out,
  );
  expect(hung.outstanding).toBe(32);
  // Now another owner has as much to do: the half of 64 falls to this one, and the noisy tenant holds it all.
  const other = laneOf(quiet, 3);
  group.lanes.push(other);
  group.release({ ...options, room: new QueueRoom(group.lanes, limits), share: () => 32 }, out);
  expect(other.outstanding).toBe(3);
  expect(hung.outstanding).toBe(32);
});

test("together the lanes of a pool have no more out than falls to this owner", () => {
  const group = new ReleaseGroup();
  group.lanes.push(laneOf(noisy, 100), laneOf(quiet, 100));
  const out: Item[] = [];
  group.release({ ...options, room: new QueueRoom(group.lanes, limits), share: () => 10 }, out);
  expect(group.lanes.map(({ outstanding }) => outstanding)).toEqual([5, 5]);
});

test.each([
  { queuedTasksMax: 7, queuedBytesMax: 1_000 },
  { queuedTasksMax: 1_000, queuedBytesMax: 7 },
])("a tenant that says it has a million slots fills no more than its part of the queue: %o", (small) => {
  const group = new ReleaseGroup();
  const [greedy, other] = [laneOf(noisy, 100), laneOf(quiet, 3)];
  group.lanes.push(greedy, other);
  const boasted = { ofLane: (lane: Lane) => (lane === greedy ? 1_000_000 : 2), ofPool: () => 1_000_002 };
  const release = (): void => {
    const room = new QueueRoom(group.lanes, small);
    group.release({ ...options, slots: boasted, room, share: (_, { total }) => total }, out);
  };
  const out: Item[] = [];
  release();
  release();
  expect([greedy.outstanding, other.outstanding]).toEqual([7, 3]);
  // One of them ends: the next goes.
  const [first] = out.filter(({ lane }) => lane === greedy);
  if (first !== undefined) greedy.remove(first);
  release();
  expect([greedy.outstanding, greedy.waiting]).toEqual([7, 92]);
});
