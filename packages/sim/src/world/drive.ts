/** Moves virtual time. What is due at one instant fires together; then all promises that are ready run on. */
import type { VirtualTime } from "@agentflow/host/virtual";

export async function passTime(time: VirtualTime, ms: number): Promise<void> {
  const until = time.now() + ms;
  await time.settle();
  for (let next = time.nextDue(); next !== undefined && next <= until; next = time.nextDue()) {
    await fireInstant(time);
  }
  await time.advance(Math.max(0, until - time.now()));
}

/** True once it holds, false when `maxMs` of virtual time have passed without. */
export async function waitUntil(time: VirtualTime, holds: () => boolean, maxMs: number): Promise<boolean> {
  const until = time.now() + maxMs;
  await time.settle();
  while (!holds()) {
    const next = time.nextDue();
    if (next === undefined || next > until) return false;
    await fireInstant(time);
  }
  return true;
}

/** What the promise settles with; refuses one that does not within `maxMs` of virtual time. */
export async function drive<T>(time: VirtualTime, promise: Promise<T>, maxMs: number): Promise<T> {
  let settled = false;
  const watch = async (): Promise<void> => {
    await promise.catch(() => undefined);
    settled = true;
  };
  void watch();
  if (await waitUntil(time, () => settled, maxMs)) return promise;
  throw new Error(`nothing after ${maxMs} ms of virtual time`);
}

async function fireInstant(time: VirtualTime): Promise<void> {
  time.step();
  while (time.nextDue() === time.now()) time.step();
  await time.settle();
}
