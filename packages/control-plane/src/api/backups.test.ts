/** The endpoint of backups: who may, how often, and what a torn one looks like to whoever takes it. */
import { decodeBackup, verifyBackup } from "../backup/index.ts";
import { prefixes } from "@agentflow/protocol";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type House, ask, openHouse, runId, token } from "./fixtures/house.ts";
import { toAnswer } from "./fixtures/parse-answer.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse({ limits: { stallMs: 300 } });
});
afterAll(() => house.close());

const headers = { authorization: `Bearer ${token}` };

async function take(path = "/v1/backup"): Promise<Buffer> {
  const response = await fetch(`${house.url}${path}`, { headers });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/zstd");
  return Buffer.from(await response.arrayBuffer());
}

const opened = (bytes: Buffer) =>
  async function* (): AsyncGenerator<Buffer> {
    yield bytes;
  };

async function keyOf(...scopes: string[]): Promise<string> {
  const made = await ask(house, "POST", "/v1/keys", { body: { name: "k", scopes } });
  return toAnswer<{ key: string }>(made.body.data).key;
}

test("it holds what the installation holds, runs in flight too", async () => {
  const body = { run: runId(), workflow: "held", input: { x: 1 } };
  expect((await ask(house, "POST", "/v1/runs", { body })).status).toBe(202);
  const done = { run: runId(), workflow: "echo", input: { x: 1 } };
  expect((await ask(house, "POST", "/v1/runs?waitMs=5000", { body: done })).body.data).toMatchObject({
    status: "completed",
  });
  const report = await verifyBackup(opened(await take()));
  expect(report).toMatchObject({ errors: 0, runs: { open: 1, ended: 1 }, workflows: 4 });
  expect(report.head).toMatchObject({ program: "0.0.0", telemetry: false, bus: "memory" });
});

test("it needs the scope backup, and leaves a record in the audit trail", async () => {
  expect((await ask(house, "GET", "/v1/backup", { auth: null })).status).toBe(401);
  for (const scope of ["admin", "operator"] as const) {
    const refused = await ask(house, "GET", "/v1/backup", { auth: await keyOf(scope) });
    expect(refused).toMatchObject({ status: 403, body: { error: { reason: "scope_missing" } } });
  }
  expect((await ask(house, "GET", "/v1/backup?all=1")).status).toBe(400);
  expect((await ask(house, "POST", "/v1/backup")).status).toBe(405);
  const key = await keyOf("backup");
  const response = await fetch(`${house.url}/v1/backup`, { headers: { authorization: `Bearer ${key}` } });
  const found: string[] = [];
  for await (const record of decodeBackup(response.body ?? fail())) {
    if (record.kind === "entry" && record.subject.startsWith(prefixes.audit)) found.push(record.body);
  }
  expect(found.filter((body) => body.includes('"did":"backup"')).length).toBeGreaterThanOrEqual(2);
});

function fail(): never {
  throw new Error("there is no body");
}

test("one is made at a time, and one that nobody takes is cut off", async () => {
  // More than what lies in the buffers between here and there.
  for (let n = 0; n < 24; n++) {
    const x = Array.from({ length: 4 }, () => randomBytes(150_000).toString("base64").slice(0, 200_000));
    const body = { run: runId(), workflow: "echo", input: { x } };
    expect((await ask(house, "POST", "/v1/runs", { body })).status).toBe(202);
  }
  const stuck = await fetch(`${house.url}/v1/backup`, { headers });
  const second = await ask(house, "GET", "/v1/backup");
  expect(second).toMatchObject({ status: 429, body: { error: { reason: "backup_running" } } });
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  const cut = stuck.arrayBuffer().then((bytes) => verifyBackup(opened(Buffer.from(bytes))));
  await expect(cut).rejects.toBeInstanceOf(Error);
  const report = await verifyBackup(opened(await take()));
  expect(report.errors).toBe(0);
  expect(report.counts.blobBytes).toBeGreaterThan(18_000_000);
});

test("what cannot begin is an ordinary answer", async () => {
  house.bus.faults.failNext("append", "before");
  expect((await ask(house, "GET", "/v1/backup")).status).toBe(503);
  // And it stands in nobody's way.
  expect((await verifyBackup(opened(await take()))).errors).toBe(0);
});
