import { expect, test } from "vitest";
import { sleep } from "../clock.ts";
import { seededRandom, VirtualTime, virtualWorld } from "./index.ts";

test("timers fire in the order of their instants, equal ones in the order of their making", async () => {
  const time = new VirtualTime({ startMs: 1_000 });
  const seen: string[] = [];
  time.after(20, () => seen.push(`c@${time.now()}`));
  time.after(10, () => seen.push(`a@${time.now()}`));
  time.after(10, () => seen.push(`b@${time.now()}`));
  expect(time.nextDue()).toBe(1_010);
  await time.advance(100);
  expect(seen).toEqual(["a@1010", "b@1010", "c@1020"]);
  expect(time.now()).toBe(1_100);
});

test("a stopped timer never fires and is not waited for", async () => {
  const time = new VirtualTime();
  let fired = 0;
  const stop = time.after(10, () => fired++);
  stop();
  stop();
  expect(time.pending()).toBe(0);
  await time.runUntilIdle();
  await time.advance(100);
  expect(fired).toBe(0);
});

test("promises that a timer made ready run on before the next timer", async () => {
  const time = new VirtualTime({ startMs: 0 });
  const seen: string[] = [];
  const work = async (): Promise<void> => {
    await sleep(time, 10);
    await Promise.resolve();
    seen.push(`slept until ${time.now()}`);
    await sleep(time, 5);
    seen.push(`slept until ${time.now()}`);
  };
  void work();
  time.after(12, () => seen.push("timer at 12"));
  await time.advance(20);
  expect(seen).toEqual(["slept until 10", "timer at 12", "slept until 15"]);
});

test("idle means that only background timers are left", async () => {
  const time = new VirtualTime({ startMs: 0 });
  let ticks = 0;
  time.every(10, () => ticks++, { background: true });
  time.after(35, () => {});
  await time.runUntilIdle();
  expect(time.now()).toBe(35);
  expect(ticks).toBe(3);
});

test("a world that never comes to rest is refused instead of running forever", async () => {
  const time = new VirtualTime();
  time.every(1, () => {});
  await expect(time.runUntilIdle(50)).rejects.toThrow("not idle after 50 timers");
});

test("an interval that is stopped from inside stops", async () => {
  const time = new VirtualTime();
  let ticks = 0;
  const stop = time.every(10, () => {
    if (++ticks === 2) stop();
  });
  await time.advance(1_000);
  expect(ticks).toBe(2);
});

test("many timers in random order fire sorted", async () => {
  const time = new VirtualTime({ startMs: 0 });
  const random = seededRandom("heap");
  const seen: number[] = [];
  const stops = Array.from({ length: 500 }, () => time.after(random.int(1_000), () => seen.push(time.now())));
  for (let i = 0; i < 500; i += 3) stops[i]?.();
  while (time.step());
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(seen).toHaveLength(500 - 167);
});

test("the same seed throws the same dice, another seed others, and a fork does not disturb them", () => {
  const take = (random: ReturnType<typeof seededRandom>): number[] =>
    Array.from({ length: 5 }, () => random.number());
  const plain = take(seededRandom("s"));
  const forked = seededRandom("s");
  take(forked.fork("other"));
  expect(take(forked)).toEqual(plain);
  expect(take(seededRandom("t"))).not.toEqual(plain);
  expect([...seededRandom(1).bytes(16)]).toEqual([...virtualWorld(1).random.bytes(16)]);
  expect(take(seededRandom("s").fork("other"))).not.toEqual(plain);
});

test("seeded dice are even: each of ten faces comes up about a tenth of the time", () => {
  const random = seededRandom("even");
  const faces = new Array<number>(10).fill(0);
  for (let i = 0; i < 20_000; i++) {
    const face = random.int(10);
    faces[face] = (faces[face] ?? 0) + 1;
  }
  for (const count of faces) expect(Math.abs(count - 2_000)).toBeLessThan(200);
});

test("a sleep ends at once when its signal fires", async () => {
  const time = new VirtualTime();
  const abort = new AbortController();
  let awake = false;
  void sleep(time, 1_000, abort.signal).then(() => (awake = true));
  await time.settle();
  expect(awake).toBe(false);
  abort.abort();
  await time.settle();
  expect(awake).toBe(true);
  expect(time.pending()).toBe(0);
});
