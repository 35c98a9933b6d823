import { expect, test } from "vitest";
import { Members } from "./members.ts";
import type { NodeRow } from "./parse-rows.ts";

const leaseMs = 5_000;

/** Members as `self` sees them, on a clock that is set by hand. */
function view() {
  let nowMs = 0;
  let revision = 0;
  const clock = { now: () => 0, monotonic: () => nowMs };
  const members = new Members({ clock, leaseMs, self: { node: "self", life: "s1" } });
  const row = (node: string, life: string, state: NodeRow["state"] = "here"): boolean => {
    const at = "2026-01-01T00:00:00.000Z";
    const base = { v: 1, kind: "node", beat: ++revision, since: at, seenAt: at, version: "0", demand: {} };
    const value = JSON.stringify({ ...base, node, life, state });
    return members.changed({ key: `node.${node}`, value, revision });
  };
  return { members, row, at: (ms: number) => void (nowMs = ms) };
}

test("silence alone proves nothing: a row of ours that was written a lease later has to come back", () => {
  const { members, row, at } = view();
  row("a", "a1");
  at(60_000);
  expect(members.isAlive("a", "a1")).toBe(true);
  expect(members.fresh(4_900)).toBe(false);
  expect(members.isAlive("a", "a1")).toBe(true);
  expect(members.fresh(5_001)).toBe(true);
  expect(members.isAlive("a", "a1")).toBe(false);
});

test("a row that changes is a sign of life, whatever clocks its own words come from", () => {
  const { members, row, at } = view();
  for (let ms = 0; ms < 60_000; ms += 2_000) {
    at(ms);
    row("a", "a1");
    members.fresh(ms);
    expect(members.isAlive("a", "a1")).toBe(true);
  }
});

test("another life under the same name ends the one before at once", () => {
  const { members, row } = view();
  row("a", "a1");
  expect(row("a", "a2")).toBe(true);
  expect(members.isAlive("a", "a1")).toBe(false);
  expect(members.isAlive("a", "a2")).toBe(true);
});

test("a life that only an owner row names has a lease to show itself", () => {
  const { members, at } = view();
  members.heardOf("a", "a1");
  members.fresh(4_000);
  expect(members.isAlive("a", "a1")).toBe(true);
  at(6_000);
  expect(members.fresh(6_000)).toBe(true);
  members.heardOf("a", "a1");
  expect(members.isAlive("a", "a1")).toBe(false);
});

test("a row that was there before us is no peer to share with until it changes", () => {
  const { members, row } = view();
  row("a", "a1");
  members.looked();
  expect(members.staying()).toEqual([]);
  expect(row("a", "a1")).toBe(true);
  expect(row("b", "b1")).toBe(true);
  expect(members.staying().map(({ node }) => node)).toEqual(["a", "b"]);
  expect(row("a", "a1", "leaving")).toBe(true);
  expect(members.staying().map(({ node }) => node)).toEqual(["b"]);
  row("a", "a1", "left");
  expect(members.isAlive("a", "a1")).toBe(false);
});

test("after we were away everybody has a lease to be heard of again", () => {
  const { members, row, at } = view();
  row("a", "a1");
  at(20_000);
  members.forgive();
  members.fresh(20_000);
  expect(members.isAlive("a", "a1")).toBe(true);
  expect(members.staying()).toEqual([]);
  at(25_001);
  members.fresh(25_001);
  expect(members.isAlive("a", "a1")).toBe(false);
});

test("rows of the dead may go after an hour, those of the living never", () => {
  const { members, row, at } = view();
  row("a", "a1");
  row("b", "b1");
  at(3_600_001);
  row("b", "b1");
  members.fresh(3_600_001);
  expect(members.forgotten().map((one) => one.row.node)).toEqual(["a"]);
});
