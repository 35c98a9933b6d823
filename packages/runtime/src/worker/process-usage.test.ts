import { expect, test, vi } from "vitest";
import { processUsages } from "./process-usage.ts";

test("this process and the runners that live are told of, a dead one is not", () => {
  const told = processUsages([process.pid, 2 ** 22 + 1]);
  if (told === undefined) throw new Error("nothing was told");
  const { supervisor, runners } = told;
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

test("a process that can open no file has no figures, and goes on", () => {
  const rss = vi.spyOn(process.memoryUsage, "rss").mockImplementation(() => {
    throw new Error("EMFILE: too many open files, uv_resident_set_memory");
  });
  try {
    expect(processUsages([])).toBeUndefined();
  } finally {
    rss.mockRestore();
  }
});
