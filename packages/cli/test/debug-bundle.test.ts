import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { agentRun, hostile } from "../src/debug/fixtures/agent-run.ts";
import { entriesOf, type Recording } from "../src/debug/recording.ts";
import { Replay } from "../src/debug/state.ts";
import { knownSecrets } from "../src/local/known-secrets.ts";
import { bundleBytesMax } from "../src/debug/bundle/format.ts";
import { parseBundle } from "../src/debug/bundle/parse-bundle.ts";
import { readTar, writeTar } from "../src/debug/bundle/tar.ts";
import { type BundleOptions, writeBundle } from "../src/debug/bundle/write-bundle.ts";

const [{ viewRun }, { viewTurn }] = await Promise.all([
  import("@agentflow/core/run"),
  import("@agentflow/core/turn"),
]);
const canary = "swordfish-4711-canary";
const options: BundleOptions = {
  content: true,
  hiding: { redact: (text) => text, isSecretKey: () => false, known: 0 },
  version: "0.1.0",
  atMs: Date.UTC(2026, 0, 2),
};

function withCanary(): Recording {
  const recording = agentRun();
  const text = JSON.stringify(recording).replaceAll("It is sent.", `It is sent by ${canary}.`);
  const log = {
    kind: "log" as const,
    at: "2026-01-01T00:00:01.000Z",
    level: "info" as const,
    source: "tool" as const,
    message: `asks with ${Buffer.from(canary).toString("base64")}`,
    fields: { apiKey: "abc", url: `/?k=${encodeURIComponent(canary)}` },
  };
  return { ...JSON.parse(text), telemetry: [log] };
}

function textOf(bytes: Uint8Array): string {
  return gunzipSync(bytes).toString("utf8");
}

test("a bundle opens as the run that it was made of", () => {
  const recording = agentRun();
  const { bytes, manifest } = writeBundle(recording, options);
  const opened = parseBundle(bytes, "a.afdebug");
  expect(opened.manifest).toEqual(manifest);
  expect(manifest).toMatchObject({ v: 1, counts: { events: 4, journals: 4, telemetry: 0 } });
  expect(opened.events).toEqual(recording.events);
  expect(opened.journals).toEqual(recording.journals);
  const [now, then] = [opened, recording].map((one) =>
    new Replay(one, entriesOf(one), { viewRun, viewTurn }).stateAt(13),
  );
  expect(now).toEqual(then);
});

test("known secrets do not leave in a bundle, plain or encoded, nor what such keys hold", async () => {
  const hiding = await knownSecrets(tmpdir(), { MY_API_KEY: canary });
  const { bytes, manifest } = writeBundle(withCanary(), { ...options, hiding });
  const text = textOf(bytes);
  for (const form of [canary, Buffer.from(canary).toString("base64").slice(0, 20), '"apiKey":"abc"'])
    expect(text).not.toContain(form);
  expect(text).toContain("It is sent by [redacted].");
  expect(manifest.redacted.knownSecrets).toBeGreaterThan(0);
  expect(manifest.redacted.values).toBeGreaterThan(4);
});

test("without content nothing of what went in or came out is left, and the bundle still opens", () => {
  const { bytes, manifest } = writeBundle(withCanary(), { ...options, content: false });
  const text = textOf(bytes);
  for (const said of [canary, "order 7", "You help", '"id":"7"', "asks with", "/?k="])
    expect(text).not.toContain(said);
  expect(manifest.content).toBe(false);
  const opened = parseBundle(bytes, "a.afdebug");
  const replay = new Replay(opened, entriesOf(opened), { viewRun, viewTurn });
  expect(replay.stateAt(13)).toMatchObject({
    status: "completed",
    usage: { inputTokens: 220, usd: "0.00092" },
    agents: { answer: { calls: [{ tool: "orders__find", status: "returned" }] } },
  });
});

test("known are the secrets of .env, of the file of secrets, of the environment, and the token", async () => {
  const project = mkdtempSync(path.join(tmpdir(), "af-secrets-"));
  mkdirSync(path.join(project, ".agentflow"));
  writeFileSync(path.join(project, ".env"), "A=1\nexport MODEL_KEY='sk-in-dotenv' # mine\n");
  const other = { value: "sk-in-file", setAt: "2026-01-01T00:00:00.000Z" };
  const stored = JSON.stringify({ v: 1, kind: "secrets", secrets: { other } });
  writeFileSync(path.join(project, ".agentflow/secrets.json"), stored, { mode: 0o600 });
  writeFileSync(path.join(project, ".agentflow/token"), "afk-the-token\n");
  const environment = { OPENAI_API_KEY: "sk-in-environment", HOME: "/home/me" };
  const { redact, faults } = await knownSecrets(project, environment);
  rmSync(project, { recursive: true });
  const text = "sk-in-dotenv sk-in-file afk-the-token sk-in-environment /home/me";
  expect(redact(text)).toBe("[redacted] [redacted] [redacted] [redacted] /home/me");
  expect(faults).toEqual([]);
});

describe("a bundle that somebody else made", () => {
  const atMs = 0;
  const file = (name: string, text: string) => ({ name, bytes: Buffer.from(text) });
  const good = readTar(gunzipSync(writeBundle(agentRun(), options).bytes), new Set(namesOf()));
  const made = (change: { readonly [name: string]: string }): Uint8Array => {
    const texts = new Map([...good].map(([name, bytes]) => [name, Buffer.from(bytes).toString("utf8")]));
    for (const [name, text] of Object.entries(change)) texts.set(name, text);
    return gzipSync(
      writeTar(
        [...texts].map(([name, text]) => file(name, text)),
        atMs,
      ),
    );
  };
  const refusal = (bytes: Uint8Array): string => {
    try {
      parseBundle(bytes, "x");
    } catch (error) {
      return error instanceof Error ? error.message : "";
    }
    return "it opened";
  };

  test.each([
    [
      "a name that leads out of the folder",
      () => made({ "../../etc/passwd": "x" }),
      "a file that no bundle has",
    ],
    ["a name of the root", () => made({ "/etc/passwd": "x" }), "a file that no bundle has"],
    ["another file", () => made({ "run.sh": "x" }), "a file that no bundle has"],
    [
      "an event that is none",
      () => made({ "events.jsonl": '{"run":"r","revision":1,"n":0}\n' }),
      "events.jsonl line 1",
    ],
    [
      "a journal of no step",
      () => made({ "journals.jsonl": '{"run":"r","revision":1}\n' }),
      "journals.jsonl line 1",
    ],
    ["half a line", () => made({ "events.jsonl": '{"run":' }), "is no JSON"],
    ["a nest", () => made({ "run.json": `${"[".repeat(5_000)}${"]".repeat(5_000)}` }), "nests too deeply"],
    ["a run that is none", () => made({ "run.json": "{}" }), "run.json"],
    [
      "a later version",
      () => made({ "manifest.json": '{"v":2,"kind":"afdebug","content":true}' }),
      "a newer af",
    ],
    ["another archive", () => made({ "manifest.json": "{}" }), "no manifest"],
    ["no archive at all", () => Buffer.from("PK\u0003\u0004"), "no gzip file"],
    ["a torn one", () => gzipSync(gunzipSync(made({})).subarray(0, 3_000)), "cut short"],
    ["one that grows without end", () => gzipSync(Buffer.alloc(bundleBytesMax + 1)), "bytes unpacked"],
  ])("with %s is refused", (_, bytes, why) => {
    expect(refusal(bytes())).toContain(why);
  });

  test("is not trusted with links, with folders, or with sums that are not its own", () => {
    const tar = Buffer.from(writeTar([file("run.json", "{}")], atMs));
    const changed = (change: (header: Buffer) => void): string => {
      const copy = Buffer.from(tar);
      change(copy);
      copy.write("        ", 148, "latin1");
      const sum = copy.subarray(0, 512).reduce((all, byte) => all + byte, 0);
      copy.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
      return refusal(gzipSync(copy));
    };
    expect(changed((copy) => copy.write("2", 156))).toContain("no plain file");
    expect(changed((copy) => copy.write("folder", 345))).toContain("lies in a folder");
    expect(changed((copy) => copy.write("zzzzzzzzzzz", 124))).toContain("has no size");
    tar[0] = 0x78;
    expect(refusal(gzipSync(tar))).toContain("does not match its sum");
  });

  test("does not reach the terminal: what it holds is only ever shown", () => {
    expect(JSON.stringify(parseBundle(made({}), "x"))).toContain(JSON.stringify(hostile).slice(1, -1));
  });
});

function namesOf(): string[] {
  return ["manifest", "run", "plan", "why"]
    .map((name) => `${name}.json`)
    .concat(["events", "journals", "telemetry"].map((name) => `${name}.jsonl`));
}
