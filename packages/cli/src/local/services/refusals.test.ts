import type { NatsBus } from "@agentflow/bus/nats";
import { expect, test } from "vitest";
import { watchRefusals } from "./refusals.ts";

test("what the bus refuses is in the audit trail, once for each subject", () => {
  const listeners = new Set<Parameters<NatsBus["onRefused"]>[0]>();
  const bus: Pick<NatsBus, "onRefused"> = {
    onRefused: (fn) => {
      listeners.add(fn);
      return () => void listeners.delete(fn);
    },
  };
  const [noted, warned]: [unknown[], unknown[]] = [[], []];
  const stop = watchRefusals(bus, {
    audit: { note: (record) => void noted.push(record) },
    log: { warn: (...words) => void warned.push(words) },
  });
  const subject = "$JS.API.STREAM.PURGE.AF_LOG_0";
  for (const fn of [...listeners, ...listeners]) fn({ operation: "publish", subject });
  expect(noted).toEqual([
    {
      by: "control plane",
      did: "publish",
      outcome: "refused",
      reason: "nats_permission",
      to: subject,
    },
  ]);
  expect(warned).toHaveLength(1);
  stop();
  expect(listeners.size).toBe(0);
});
