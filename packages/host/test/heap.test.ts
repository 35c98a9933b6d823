import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const heap = fileURLToPath(new URL("../dist/system/heap.js", import.meta.url));

/** MiB of the young generation after much has survived, in a process of its own. */
function youngMb(first: string): number {
  const script = `
    ${first}
    const kept = [];
    for (let i = 0; i < 400_000; i++) kept.push({ i });
    const young = process.getBuiltinModule("node:v8").getHeapSpaceStatistics()
      .find(({ space_name }) => space_name === "new_space").space_size;
    process.stdout.write(String(young / 2 ** 20));`;
  const words = ["--input-type=module", "-e", script];
  return Number(execFileSync(process.execPath, words, { encoding: "utf8" }));
}

test("a heap that is held keeps its young generation small, whatever survives", () => {
  const held = `import { holdHeap } from ${JSON.stringify(heap)}; holdHeap();`;
  expect(youngMb(held)).toBeLessThanOrEqual(4);
  // Else the test above would show nothing.
  expect(youngMb("")).toBeGreaterThan(4);
});

test("a bounded heap grows while the loop stays busy, to its bound and not far beyond", () => {
  const script = `
    import { boundHeap } from ${JSON.stringify(heap)};
    const every = (ms, fn) => {
      const timer = setInterval(fn, ms).unref();
      return () => clearInterval(timer);
    };
    boundHeap({ every, after: () => () => {} }, { youngMb: 8 });
    let kept = [];
    const sizes = [];
    const young = () => process.getBuiltinModule("node:v8").getHeapSpaceStatistics()
      .find(({ space_name }) => space_name === "new_space").space_size / 2 ** 20;
    const end = performance.now() + 3_000;
    while (performance.now() < end) {
      for (let i = 0; i < 20_000; i++) kept.push({ i });
      if (kept.length > 400_000) kept = [];
      sizes.push(young());
      await new Promise((resolve) => setImmediate(resolve));
    }
    process.stdout.write(JSON.stringify([sizes[0], Math.max(...sizes)]));`;
  const words = ["--input-type=module", "--max-semi-space-size=8", "-e", script];
  const sizes: unknown = JSON.parse(execFileSync(process.execPath, words, { encoding: "utf8" }));
  expect(sizes).toEqual([expect.any(Number), expect.any(Number)]);
  const [first = 0, most = 0] = Array.isArray(sizes) ? sizes.map(Number) : [];
  expect(first).toBeLessThanOrEqual(4);
  expect(most).toBeGreaterThanOrEqual(8);
});
