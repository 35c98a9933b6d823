import type { BuildList } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { runsThatKeep } from "./installation.ts";

function list(more: Partial<BuildList>): BuildList {
  return { items: [], default: "dev", unreadable: 0, revision: 1, ...more };
}

const build = { build: "0a0a0a0a0a0a", current: [], openRuns: 0, pools: [] };

test("the workers of a build may go when nothing is left on it and no new run takes it", () => {
  expect(runsThatKeep(list({ items: [build] }), build.build)).toBe(0);
  expect(runsThatKeep(list({ items: [{ ...build, openRuns: 3 }] }), build.build)).toBe(3);
  expect(runsThatKeep(list({ items: [{ ...build, current: ["triage"] }] }), build.build)).toBe(1);
});

test("they stay when nobody answers, and when the builds of some runs cannot be read", () => {
  expect(runsThatKeep(undefined, build.build)).toBeUndefined();
  expect(runsThatKeep(list({ items: [build], unreadable: 1 }), build.build)).toBeUndefined();
});
