import { virtualWorld } from "@agentflow/host/virtual";
import { expect, test } from "vitest";
import { DueHeap } from "./due-heap.ts";

const dayMs = 86_400_000;

function house() {
  const world = virtualWorld(3);
  let aheadMs = 0;
  const clock = { now: () => world.clock.now() + aheadMs, monotonic: () => world.clock.monotonic() };
  const fired: string[] = [];
  const heap = new DueHeap<string>({ ...world, clock }, (value) => fired.push(value));
  const jump = (ms: number): void => void (aheadMs += ms);
  return { world, clock, heap, fired, jump };
}

test("what became due while the machine was suspended fires within a minute of its waking", async () => {
  const { world, clock, heap, fired, jump } = house();
  heap.add(clock.now() + dayMs, "tomorrow");
  await world.time.advance(1_000);
  jump(2 * dayMs);
  await world.time.advance(60_000);
  expect(fired).toEqual(["tomorrow"]);
});

test("a clock that is set back delays what is due and fires nothing twice or early", async () => {
  const { world, clock, heap, fired, jump } = house();
  heap.add(clock.now() + 90_000, "soon");
  jump(-60_000);
  await world.time.advance(149_000);
  expect(fired).toEqual([]);
  await world.time.advance(2_000);
  expect(fired).toEqual(["soon"]);
});

test("a wait of two months fires when it is due, not before", async () => {
  const { world, clock, heap, fired } = house();
  heap.add(clock.now() + 60 * dayMs, "later");
  await world.time.advance(60 * dayMs - 1);
  expect(fired).toEqual([]);
  await world.time.advance(1);
  expect(fired).toEqual(["later"]);
});
