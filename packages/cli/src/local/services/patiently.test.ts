import { AgentFlowError } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { type Patience, patiently } from "./service.ts";

/** Timers that are due at once, and every pause that was asked for. */
function patience(signal = new AbortController().signal): {
  of: Patience & { says: string };
  pausesMs: number[];
} {
  const pausesMs: number[] = [];
  const after = (ms: number, fn: () => void): (() => void) => {
    pausesMs.push(ms);
    queueMicrotask(fn);
    return () => undefined;
  };
  const timers = { after, every: after };
  return { of: { world: { timers }, log: { warn: () => undefined }, signal, says: "again" }, pausesMs };
}

const lost = (): AgentFlowError => new AgentFlowError("unavailable", "the connection was lost");

test("what the bus denies for a while is tried again, ever more slowly", async () => {
  const { of, pausesMs } = patience();
  let tries = 0;
  const got = await patiently(async () => {
    if (++tries < 8) throw tries % 2 === 0 ? new AgentFlowError("timeout", "no answer") : lost();
    return tries;
  }, of);
  expect(got).toBe(8);
  expect(pausesMs).toEqual([250, 500, 1_000, 2_000, 2_000, 2_000, 2_000]);
});

test("a refusal is not tried again, and nothing is after the signal", async () => {
  const refused = new AgentFlowError("refused", "the NATS server is too old");
  await expect(patiently(() => Promise.reject(refused), patience().of)).rejects.toBe(refused);
  const aborted = AbortSignal.abort();
  await expect(patiently(() => Promise.reject(lost()), patience(aborted).of)).rejects.toMatchObject({
    code: "unavailable",
  });
});
