/** Waiting that can be cut short. */
import type { Time } from "../world/time.ts";

/** Answers after so many seconds of the cluster, or as soon as the signal says so. */
export function sleep(time: Time, seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = time.after(seconds, done);
    signal.addEventListener("abort", done);
  });
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** So many seconds of the wall: what programs are given to end does not depend on the cluster's pace. */
export function wallSleep(seconds: number): { readonly over: Promise<void>; readonly cancel: () => void } {
  let cancel: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    cancel = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  return { over, cancel };
}
