import { expect, test } from "vitest";
import { createHealth } from "./health.ts";
import { virtualWorld } from "./virtual/index.ts";

const open = () => {
  const world = virtualWorld();
  return { time: world.time, health: createHealth(world) };
};

test("readiness needs a first success, liveness has its maximum age to get there", async () => {
  const { time, health } = open();
  health.add("bus", { kind: "readiness", maxAgeMs: 1_000 });
  health.add("loop", { kind: "liveness", maxAgeMs: 1_000 });
  expect(health.report("readiness")).toMatchObject({
    ok: false,
    checks: [{ name: "bus", reason: "never_succeeded" }],
  });
  expect(health.report("liveness").ok).toBe(true);
  await time.advance(1_001);
  expect(health.report("liveness").ok).toBe(false);
});

test("a success counts until it is older than the maximum age", async () => {
  const { time, health } = open();
  const check = health.add("bus", { kind: "readiness", maxAgeMs: 1_000 });
  check.ok();
  await time.advance(1_000);
  expect(health.report().ok).toBe(true);
  await time.advance(1);
  expect(health.report()).toEqual({
    ok: false,
    checks: [
      {
        name: "bus",
        kind: "readiness",
        ok: false,
        maxAgeMs: 1_000,
        lastOkAt: "2026-01-01T00:00:00.000Z",
        ageMs: 1_001,
        reason: "too_old",
      },
    ],
  });
});

test("a failure shows at once with its reason, and a success clears it", () => {
  const { health } = open();
  const check = health.add("disk", { kind: "readiness", maxAgeMs: 1_000 });
  check.ok();
  check.failed("disk_full");
  expect(health.report().checks[0]).toMatchObject({ ok: false, reason: "disk_full" });
  check.ok();
  expect(health.report().ok).toBe(true);
  check.failed("disk_full");
  check.remove();
  expect(health.report()).toEqual({ ok: true, checks: [] });
});
