/** A bundle of an installation: what is in it, what is not, and that it is made when nobody answers. */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import type { LogRecord } from "@agentflow/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Gathered } from "../src/debug/installation-bundle/gather.ts";
import { quiet, quietLine, quietRecord } from "../src/debug/installation-bundle/policy.ts";
import { writeInstallation } from "../src/debug/installation-bundle/write.ts";
import { knownSecrets } from "../src/local/known-secrets.ts";
import { recordedInstallation, type RecordedInstallation, token } from "./recorded-installation.ts";
import { runAf } from "./run-af.ts";

const canary = "swordfish-4711-canary";
let house: RecordedInstallation;
let empty: string;
beforeAll(async () => {
  house = await recordedInstallation();
  empty = mkdtempSync(path.join(tmpdir(), "af-empty-"));
});
afterAll(async () => {
  await house.close();
  rmSync(empty, { recursive: true, force: true });
});

const textOf = (file: string): string => gunzipSync(readFileSync(file)).toString("utf8");

test("it holds figures and lines, for its owner alone, and nothing that went in or came out", async () => {
  const file = path.join(house.project, "quiet.af.tar.gz");
  const ran = await runAf(["debug", "bundle", "--out", file, "--json"], { cwd: house.project });
  expect(ran.code).toBe(0);
  const { manifest } = JSON.parse(ran.stdout).data;
  const names = manifest.holds.map((one: { file: string }) => one.file);
  expect(names).toEqual(
    expect.arrayContaining([
      "doctor.json",
      "settings.json",
      "status.json",
      "top.json",
      "dead.jsonl",
      "logs.jsonl",
    ]),
  );
  expect(JSON.stringify(manifest.leftOut)).toContain("only with --with values");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const text = textOf(file);
  expect(text).not.toContain(token);
  // What a tool threw, and what it is called with.
  expect(text).not.toContain("it broke");
  const again = await runAf(["debug", "bundle", "--out", file], { cwd: house.project });
  expect([again.code, again.stderr]).toEqual([8, expect.stringContaining("is there already")]);
});

test("with values it holds them, and still no token", async () => {
  const file = path.join(house.project, "all.af.tar.gz");
  const ran = await runAf(["debug", "bundle", "--with", "values", "--out", file], { cwd: house.project });
  expect(ran.code).toBe(0);
  const text = textOf(file);
  expect(text).toContain("it broke");
  expect(text).not.toContain(token);
});

test("where nobody answers it holds what this machine knows, and says what is missing", async () => {
  const file = path.join(empty, "gone.af.tar.gz");
  const ran = await runAf(["debug", "bundle", "--out", file, "--url", "http://127.0.0.1:9", "--json"], {
    cwd: empty,
  });
  expect(ran.code).toBe(0);
  const { manifest } = JSON.parse(ran.stdout).data;
  expect(manifest.holds.map((one: { file: string }) => one.file)).toEqual(["doctor.json", "settings.json"]);
  expect(JSON.stringify(manifest.leftOut)).toContain("everything that the installation itself knows");
  expect(ran.stderr).toContain("nobody was asked");
});

test("secrets are hidden wherever they stand, also where values were asked for", async () => {
  const hiding = await knownSecrets(empty, { MY_API_KEY: canary }, ["token-of-the-context"]);
  const records = [
    { message: `asks with ${canary}`, token: "abc", url: `/?k=${encodeURIComponent(canary)}` },
    { lines: [Buffer.from(`x ${canary} y`).toString("base64"), "Bearer token-of-the-context"] },
  ];
  const gathered: Gathered = {
    parts: [{ file: "logs.jsonl", what: "lines", lines: true, records }],
    missing: [{ what: "status", why: `no answer from http://u:${canary}@host` }],
  };
  const options = { of: "dev", values: true, hiding, version: "0.1.0", atMs: 0 };
  const { bytes, manifest } = writeInstallation(gathered, options);
  const text = gunzipSync(bytes).toString("utf8");
  for (const piece of [
    canary,
    "token-of-the-context",
    '"abc"',
    Buffer.from(canary).toString("base64").slice(2, 20),
  ]) {
    expect(text).not.toContain(piece);
  }
  expect(manifest.redacted).toMatchObject({ values: 5 });
});

test("what is too big loses its oldest records, and says so", () => {
  const records = Array.from({ length: 100 }, (_, n) => ({ n, text: "x".repeat(200_000) }));
  const parts = [{ file: "logs.jsonl", what: "lines", lines: true, records }];
  const hiding = { redact: (text: string) => text, isSecretKey: () => false, known: 0 };
  const { bytes, manifest } = writeInstallation(
    { parts, missing: [] },
    { of: "dev", values: true, hiding, version: "0", atMs: 0 },
  );
  const [holds] = manifest.holds;
  expect(holds?.bytes).toBeLessThanOrEqual(8 * 1024 * 1024);
  expect(manifest.leftOut).toEqual([
    expect.objectContaining({ what: `the oldest ${100 - (holds?.records ?? 0)} of logs.jsonl` }),
  ]);
  expect(gunzipSync(bytes).includes('"n":99,')).toBe(true);
});

test("lines of ours stay, what users' code printed does not", () => {
  const line = (source: LogRecord["source"]): LogRecord => ({
    kind: "log",
    at: "2026-01-01T00:00:00.000Z",
    level: "info",
    source,
    message: `says ${canary}`,
    fields: { canary },
  });
  for (const source of ["tool", "agent", "runner"] as const) {
    expect(JSON.stringify(quietRecord(line(source)))).not.toContain(canary);
  }
  expect(quietRecord(line("control-plane"))).toEqual(line("control-plane"));
  expect(quietLine(JSON.stringify(line("worker")), "worker-default")).toContain(canary);
  for (const printed of [JSON.stringify(line("tool")), `plain ${canary}`, `"source":"worker" ${canary}`]) {
    expect(quietLine(printed, "worker-default")).toBe("(left out)");
  }
  const run = {
    run: "r1",
    status: "failed",
    labels: { who: canary },
    failure: { code: "thrown", message: canary },
  };
  expect(quiet({ ...run, input: canary, output: { text: canary } })).toEqual({
    run: "r1",
    status: "failed",
    input: null,
    output: null,
    failure: { code: "thrown", message: "(left out)" },
  });
});
