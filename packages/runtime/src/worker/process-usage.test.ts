import { expect, test } from "vitest";
import { processUsages } from "./process-usage.ts";

test("this process and the runners that live are told of, a dead one is not", () => {
  const { supervisor, runners } = processUsages([process.pid, 2 ** 22 + 1]);
  expect(supervisor.rssBytes).toBeGreaterThan(1_000_000);
  const isTold = process.platform === "linux";
  expect(runners.map(({ pid }) => pid)).toEqual(isTold ? [process.pid] : []);
  for (const { cpuMs, rssBytes } of runners) {
    expect(cpuMs).toBeGreaterThan(0);
    // Both say the same of one process, read a moment apart.
    expect(rssBytes / supervisor.rssBytes).toBeGreaterThan(0.5);
    expect(cpuMs).toBeLessThan(supervisor.cpuMs + 5_000);
  }
});
