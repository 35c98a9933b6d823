/** Projects and processes of one test file: after each test everything is ended, and nothing may be left. */
import { afterEach, expect } from "vitest";
import { type Dev, type StartOptions, leftIn, startDev } from "./dev-process.ts";
import { type Files, type Scratch, scratchProject } from "./scratch.ts";

export interface Opened {
  project(files: Files): Scratch;
  /** Started, perhaps not ready. */
  start(scratch: Scratch, options?: StartOptions): Dev;
  ready(scratch: Scratch, options?: StartOptions): Promise<Dev>;
}

export function openedHere(): Opened {
  const scratches: Scratch[] = [];
  const devs: Dev[] = [];
  afterEach(async () => {
    for (const dev of devs.splice(0)) await dev.end();
    const left = (await Promise.all(scratches.map(({ dir }) => leftIn(dir)))).flat();
    for (const scratch of scratches.splice(0)) scratch.remove();
    expect(left).toEqual([]);
  });
  const keep = (dev: Dev): Dev => {
    devs.push(dev);
    return dev;
  };
  return {
    project(files) {
      const scratch = scratchProject(files);
      scratches.push(scratch);
      return scratch;
    },
    start: (scratch, options) => keep(startDev(scratch.dir, options)),
    async ready(scratch, options) {
      const dev = keep(startDev(scratch.dir, options));
      await dev.ready;
      return dev;
    },
  };
}

/** Waits until it holds. Throws what it stands for when it never does. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 20_000,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`still not so after ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
