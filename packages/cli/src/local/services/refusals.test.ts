import type { NatsBus, Refused, TurnedAway } from "@agentflow/bus/nats";
import { expect, test } from "vitest";
import { watchRefusals } from "./refusals.ts";

function watched() {
  const refused = new Set<(one: Refused) => void>();
  const turned = new Set<(one: TurnedAway) => void>();
  const listen =
    <T>(to: Set<(one: T) => void>) =>
    (fn: (one: T) => void) => {
      to.add(fn);
      return () => void to.delete(fn);
    };
  const bus: Pick<NatsBus, "onRefused" | "onTurnedAway"> = {
    onRefused: listen(refused),
    onTurnedAway: listen(turned),
  };
  const [noted, warned]: [unknown[], unknown[]] = [[], []];
  const stop = watchRefusals(bus, {
    audit: { note: (record) => void noted.push(record) },
    log: { warn: (...words) => void warned.push(words) },
  });
  return { refused, turned, noted, warned, stop };
}

test("what the bus refuses is in the audit trail, once for each subject", () => {
  const { refused, turned, noted, warned, stop } = watched();
  const subject = "$JS.API.STREAM.PURGE.AF_LOG_0";
  for (const fn of [...refused, ...refused]) fn({ operation: "publish", subject });
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
  expect(refused.size + turned.size).toBe(0);
});

test("what a worker was refused is in the audit trail each time, and in the log once", () => {
  const { turned, noted, warned } = watched();
  const one = { tenant: "acme", asked: "put", about: "worker.globex.w1", reason: "tenant_mismatch" };
  for (const fn of [...turned, ...turned]) fn(one);
  const record = { by: "a worker of acme", did: "ask to put", outcome: "refused", reason: one.reason };
  expect(noted).toEqual([
    { ...record, to: one.about },
    { ...record, to: one.about },
  ]);
  expect(warned).toHaveLength(1);
});
