import { expect, test } from "vitest";
import type { ImageView } from "./list.ts";
import { prunable } from "./prune.ts";

const image = (reference: string, rest: Partial<ImageView> = {}): ImageView => ({
  reference,
  id: `sha256:${reference}`,
  kind: "project",
  project: "triage",
  version: "1.2.3",
  createdAt: "2026-01-01T00:00:00.000Z",
  bytes: 1,
  aboveBaseBytes: 1,
  usedBy: [],
  ...rest,
});

/** Newest first, as they are listed. */
const images = [
  image("agentflow/triage:4"),
  image("agentflow/triage:3"),
  image("agentflow/triage:2", { usedBy: ["triage-docker-worker-default-1"] }),
  image("agentflow/triage:1"),
  image("agentflow/orders:2", { project: "orders" }),
  image("agentflow/orders:1", { project: "orders" }),
  image("agentflow/worker:1.2.3-a", { kind: "worker", project: null }),
  image("agentflow/worker:1.2.2-a", { kind: "worker", project: null }),
  image("sha256:lost", { id: "sha256:lost" }),
];
const going = (pruning: Parameters<typeof prunable>[1]): string[] =>
  prunable(images, pruning).map(({ reference }) => reference);

test("of a project's images the newest and those in use stay; others are not touched", () => {
  expect(going({ project: "triage", keep: 1 })).toEqual([
    "agentflow/triage:3",
    "agentflow/triage:1",
    "sha256:lost",
  ]);
});

test("more may be kept of each name", () => {
  expect(going({ project: "triage", keep: 2 })).toEqual(["agentflow/triage:1", "sha256:lost"]);
});

test("all of ours are looked at where no project is named", () => {
  expect(going({ keep: 1 })).toEqual([
    "agentflow/triage:3",
    "agentflow/triage:1",
    "agentflow/orders:1",
    "agentflow/worker:1.2.2-a",
    "sha256:lost",
  ]);
});
