/** What a server that cannot store says, or does not say, and what becomes of it here. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect } from "@nats-io/transport-node";
import { makeRunId, parseId, prefixes, subjects } from "@agentflow/protocol";
import { afterEach, describe, expect, test } from "vitest";
import { type NatsServer, natsServerMissing, startNatsServer } from "../contract/servers/index.ts";
import { type NatsBus, openNats } from "./index.ts";

const missing = await natsServerMissing();
const cannotLimit = spawnSync("prlimit", ["--version"]).status !== 0;
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

async function opened(): Promise<{ server: NatsServer; bus: NatsBus }> {
  const server = await startNatsServer();
  open.push(server);
  const bus = await openNats({ servers: [server.url], role: "owner" });
  open.push(bus);
  return { server, bus };
}

function subject(n: number) {
  const run = makeRunId(1_790_000_000_000 + n, new Uint8Array(10));
  return subjects.run({ shard: parseId("shard", "07"), tenant: parseId("tenant", "acme"), run });
}

const big = "x".repeat(100_000);

describe.skipIf(missing !== undefined)("a server that cannot store", () => {
  test.skipIf(cannotLimit)(
    "is told apart from one that does not answer, until it is restarted",
    async () => {
      const { server, bus } = await opened();
      const first = await bus.log.append(subject(1), "first", { expect: 0 });
      // Writes beyond it fail, as on a disk that is full.
      spawnSync("prlimit", ["--pid", String(server.pid), "--fsize=65536:unlimited"]);
      const failed = { code: "unavailable", reason: "storage_failed" };
      await expect(bus.log.append(subject(2), big, { expect: 0 })).rejects.toMatchObject(failed);
      expect(await bus.log.read(subject(1))).toMatchObject([{ body: "first" }]);
      await expect(bus.log.append(subject(1), "second", { expect: first.revision })).rejects.toMatchObject({
        ...failed,
        suggestions: [expect.stringMatching(/make room .* restart that server/), expect.anything()],
      });
      await server.end("SIGTERM");
      await server.start("kept");
      await expect.poll(() => bus.log.read(subject(1)).catch(() => [])).toMatchObject([{ body: "first" }]);
      expect(await bus.log.append(subject(1), "second", { expect: first.revision })).toMatchObject({
        ok: true,
      });
      expect(await bus.log.append(subject(2), big, { expect: 0 })).toMatchObject({ ok: true });
    },
    30_000,
  );

  test("says so when a limit is reached, and goes on when it is raised", async () => {
    const { server, bus } = await opened();
    const nc = await connect({ servers: server.url });
    const { config } = JSON.parse((await nc.request("$JS.API.STREAM.INFO.AF_LOG_0")).string());
    const limit = async (bytes: number): Promise<void> => {
      const limited = JSON.stringify({ ...config, max_bytes: bytes });
      await nc.request("$JS.API.STREAM.UPDATE.AF_LOG_0", limited);
    };
    await limit(50_000);
    await expect(bus.log.append(subject(1), big, { expect: 0 })).rejects.toMatchObject({
      code: "unavailable",
      reason: "storage_full",
      suggestions: [expect.stringMatching(/more storage; work goes on by itself/)],
    });
    await limit(-1);
    await nc.close();
    expect(await bus.log.append(subject(1), big, { expect: 0 })).toMatchObject({ ok: true });
  });

  test("and lost its end is read anew: what follows under the same numbers is not passed over", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "agentflow-lost-"));
    open.push({ close: async () => rmSync(folder, { recursive: true }) });
    const data = path.join(folder, "js");
    const server = await startNatsServer({ data });
    open.push(server);
    const bus = await openNats({ servers: [server.url], role: "owner" });
    open.push(bus);
    await bus.log.append(subject(1), "kept", { expect: 0 });
    await bus.table.put("row", "kept", { expect: 0 });
    await server.end("SIGTERM");
    cpSync(data, `${data}.kept`, { recursive: true });
    await server.start("kept");
    await expect.poll(() => bus.table.get("row").catch(() => undefined)).toMatchObject({ value: "kept" });
    const [read, seen]: [string[], string[]] = [[], []];
    const { signal } = new AbortController();
    const tailing = (async () => {
      const entries = bus.log.tail({ filter: [prefixes.log], after: 0, signal });
      for await (const batch of entries) read.push(...batch.map(({ body }) => body));
    })();
    const watching = (async () => {
      for await (const rows of bus.table.watch("row", signal))
        seen.push(...rows.map(({ value = "" }) => value));
    })();
    const ends = Promise.allSettled([tailing, watching]);
    await bus.table.put("row", "lost", { expect: "any" });
    await bus.log.append(subject(2), "lost", { expect: 0 });
    await expect.poll(() => [read, seen]).toEqual([["kept", "lost"], expect.arrayContaining(["lost"])]);
    await server.end("SIGKILL");
    rmSync(data, { recursive: true });
    cpSync(`${data}.kept`, data, { recursive: true });
    await server.start("kept");
    const lost = { status: "rejected", reason: expect.objectContaining({ reason: "stream_shorter" }) };
    expect(await ends).toEqual([lost, lost]);
    expect(await bus.table.get("row")).toMatchObject({ value: "kept" });
  }, 20_000);
});
