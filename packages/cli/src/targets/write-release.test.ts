import type { Rendering } from "@agentflow/cluster";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { parseReleaseOut, writeRelease } from "./write-release.ts";

const scratch = mkdtempSync(path.join(tmpdir(), "af-out-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function rendering(more: object = {}): Promise<Rendering> {
  const { openTarget } = await import("@agentflow/cluster");
  const authored = {
    apiVersion: "agentflow.dev/v1",
    kind: "Project",
    name: "triage",
    targets: { prod: { kind: "kubernetes", nats: { replicas: 3 }, ...more } },
  };
  const target = await openTarget({ authored, target: "prod", variables: {} });
  const images = { nats: "nats:2", controlPlane: "cp:1", worker: "w:0123456789ab" };
  return { target, images, version: "0.1.0" };
}

const capabilities = { keda: false };
const isBudget = (file: string): boolean => file.includes("poddisruptionbudget-triage-prod-control-plane");

test("manifests: a file for each object in the order of applying, and none of an earlier time", async () => {
  const out = await parseReleaseOut("manifests=k8s", scratch);
  const first = await writeRelease(out, { rendering: await rendering({ controlPlanes: 2 }), capabilities });
  expect(readdirSync(path.join(scratch, "k8s")).sort()).toEqual([...first.files]);
  expect(first.files.some(isBudget)).toBe(true);
  const second = await writeRelease(await parseReleaseOut("manifests=k8s", scratch), {
    rendering: await rendering(),
    capabilities,
  });
  expect(readdirSync(path.join(scratch, "k8s")).sort()).toEqual([...second.files]);
  expect(second.files.some(isBudget)).toBe(false);
  expect(second.notes.length).toBeGreaterThan(0);
});

test("on stdout they are one stream, of which each document is an object", async () => {
  const { text = "", files } = await writeRelease(await parseReleaseOut("manifests=-", scratch), {
    rendering: await rendering(),
    capabilities,
  });
  expect(files).toEqual([]);
  const kinds = parseAllDocuments(text).map((document) => document.get("kind"));
  expect(kinds).toContain("StatefulSet");
  expect(kinds.every((kind) => typeof kind === "string")).toBe(true);
});

test("a chart is written again over its own, and over nobody else's", async () => {
  const of = { rendering: await rendering(), capabilities };
  await writeRelease(await parseReleaseOut("chart=chart", scratch), of);
  const before = readFileSync(path.join(scratch, "chart/values.yaml"), "utf8");
  await writeRelease(await parseReleaseOut("chart=chart", scratch), of);
  expect(readFileSync(path.join(scratch, "chart/values.yaml"), "utf8")).toBe(before);
  writeFileSync(path.join(scratch, "chart/templates/own.yaml"), "kind: ConfigMap\n");
  await expect(parseReleaseOut("chart=chart", scratch)).rejects.toThrow(
    "own.yaml is there, and not written by af",
  );
});

test("a folder with files of somebody's is refused before anything is written", async () => {
  mkdirSync(path.join(scratch, "theirs"));
  writeFileSync(path.join(scratch, "theirs/app.yaml"), "kind: Deployment\n");
  await expect(parseReleaseOut("manifests=theirs", scratch)).rejects.toThrow("not written by af");
});

test("a compose file has the hosts of an engine, not those of the cluster", async () => {
  const out = await parseReleaseOut("compose=docker-compose.yml", scratch);
  const { files } = await writeRelease(out, { rendering: await rendering(), capabilities });
  expect(files).toEqual(["docker-compose.yml"]);
  const text = readFileSync(path.join(scratch, "docker-compose.yml"), "utf8");
  expect(text).toContain("nats://nats-1:4222,nats://nats-2:4222");
  expect(text).not.toContain("triage-prod-nats-1.");
});

test.each(["helm=x", "manifests=", "chart=-", "k8s"])("--out %s is refused", async (text) => {
  await expect(parseReleaseOut(text, scratch)).rejects.toThrow(
    "is not manifests=DIR, chart=DIR or compose=FILE",
  );
  expect(existsSync(path.join(scratch, "x"))).toBe(false);
});
