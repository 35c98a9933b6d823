import { openMemoryBus } from "@agentflow/bus/memory";
import { virtualWorld } from "@agentflow/host/virtual";
import { type RunInput, defaultTenant, instant, parseId } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { PeerProof } from "./peer-proof.ts";
import { makeRunRef } from "./run-ref.ts";

const run = parseId("run", `r${"0".repeat(26)}`);
const ref = makeRunRef(defaultTenant, run);
const cancel: RunInput = { kind: "cancel", id: parseId("input", "c1"), at: instant(0), reason: "enough" };

function peers() {
  const world = virtualWorld();
  const { table } = openMemoryBus({ world, polite: true }).client("a");
  return [0, 1].map(() => new PeerProof({ table, random: world.random }));
}

test("a proof that one control plane made holds at another, for this run and input alone", async () => {
  const [one, other] = peers();
  const proof = await one?.of(ref, cancel);
  expect(await other?.holds(ref, cancel, proof)).toBe(true);
  expect(await other?.holds(ref, { ...cancel, reason: "other" }, proof)).toBe(false);
  const elsewhere = makeRunRef(parseId("tenant", "acme"), run);
  expect(await other?.holds(elsewhere, cancel, proof)).toBe(false);
  expect(await other?.holds(ref, cancel, undefined)).toBe(false);
  expect(await other?.holds(ref, cancel, "")).toBe(false);
});

test("a key that was lost with all data and made anew is found by who still had the old one", async () => {
  const world = virtualWorld();
  const { table } = openMemoryBus({ world, polite: true }).client("a");
  const [one, other] = [0, 1].map(() => new PeerProof({ table, random: world.random }));
  const old = await one?.of(ref, cancel);
  expect(await other?.holds(ref, cancel, old)).toBe(true);
  const row = await table.get("peers");
  await table.put("peers", "made-anew", { expect: row?.revision ?? 0 });
  one?.forget();
  expect(await other?.holds(ref, cancel, await one?.of(ref, cancel))).toBe(true);
  expect(await other?.holds(ref, cancel, old)).toBe(false);
});

test("what workers report needs none", () => {
  const report = { id: parseId("input", "n1"), at: instant(0) };
  expect(PeerProof.isNeededFor({ kind: "nudge", ...report })).toBe(false);
  expect(PeerProof.isNeededFor(cancel)).toBe(true);
});
