import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { makeRunId, parseId, prefixes, shardOfDigest, subjects } from "@agentflow/protocol";
import { connect, nkeys } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import { natsServerMissing, startNatsServer } from "../contract/servers/index.ts";
import { openNats, workerPermissions } from "./index.ts";

const missing = await natsServerMissing();
const why = missing === undefined ? "" : `: ${missing}`;

const [acme, other] = [parseId("tenant", "acme"), parseId("tenant", "other")];
const [pool, build] = [parseId("pool", "default"), parseId("build", "dev")];
const task = subjects.task({ tenant: acme, pool, build });
const shard = shardOfDigest(new Uint8Array([8]));
const run = makeRunId(1, new Uint8Array(10));
const step = parseId("step instance", "draft");

test.skipIf(missing !== undefined)(
  `a worker does its work with least privilege, and nothing of another tenant${why}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "agentflow-nats-keys-"));
    const key = nkeys.createUser();
    const [seedFile, passwordFile] = [join(folder, "worker.nk"), join(folder, "owner.txt")];
    writeFileSync(seedFile, key.getSeed());
    writeFileSync(passwordFile, "secret\n");
    const inboxPrefix = "_INBOX_acme";
    const allowed = workerPermissions({ tenant: acme, pool, build, inboxPrefix, lanes: 1 });
    const config = `authorization { users: [
      { user: owner, password: secret }
      { nkey: ${key.getPublicKey()}, permissions: ${JSON.stringify(allowed)} }
    ] }`;
    const server = await startNatsServer({ config });
    const servers = [server.url];
    const owner = await openNats({
      servers,
      role: "owner",
      credentials: { kind: "password", user: "owner", passwordFile },
    });
    const worker = await openNats({
      servers,
      role: "worker",
      inboxPrefix,
      credentials: { kind: "nkey", seedFile },
    });
    try {
      await owner.queue.push([{ id: "acme:r:1", subject: task, body: "work" }]);
      await owner.wire.serve(prefixes.in(shard), async (body) => `heard ${body}`);
      const stop = new AbortController();
      const take = { subjects: [task], holder: "w1", slots: 4, leaseMs: 9_000, signal: stop.signal };
      for await (const delivery of worker.queue.take(take)) {
        const journal = subjects.turn({ shard, tenant: acme, run, step });
        const first = await worker.log.append(journal, "reply", { expect: 0 });
        expect((await worker.log.append(journal, "again", { expect: 0 })).ok).toBe(false);
        expect(await worker.log.read(journal)).toMatchObject([{ revision: first.revision }]);
        const asked = worker.wire.request(subjects.in({ shard, tenant: acme }), "done", { timeoutMs: 1_000 });
        expect(await asked).toBe("heard done");
        await worker.table.put("worker.acme.w1", "{}", { expect: "any" });
        expect((await worker.table.get("worker.acme.w1"))?.value).toBe("{}");
        const blob = `acme/${run}/${createHash("sha256").update("x").digest("hex")}`;
        await worker.blobs.put(blob, Buffer.from("x"));
        expect(await worker.blobs.get(blob)).toEqual(new Uint8Array(Buffer.from("x")));
        expect(await delivery.extend()).toBe(true);
        expect(await delivery.ack()).toBe(true);
        stop.abort();
      }
      const forbidden = { code: "forbidden" };
      const theirs = subjects.turn({ shard, tenant: other, run, step });
      await expect(worker.log.append(theirs, "x", { expect: 0 })).rejects.toMatchObject(forbidden);
      const commits = subjects.run({ shard, tenant: acme, run });
      await expect(worker.log.append(commits, "x", { expect: 0 })).rejects.toMatchObject(forbidden);
      await expect(worker.log.purge(commits)).rejects.toMatchObject(forbidden);
      await expect(worker.table.put("owner.00", "x", { expect: "any" })).rejects.toMatchObject(forbidden);
      await expect(worker.table.list("")).rejects.toMatchObject(forbidden);
      await expect(worker.queue.revoke(["other:r:1"])).rejects.toMatchObject(forbidden);
      const pushed = [{ id: "x", subject: subjects.task({ tenant: other, pool, build }), body: "" }];
      await expect(worker.queue.push(pushed)).rejects.toMatchObject(forbidden);
    } finally {
      await worker.close();
      await owner.close();
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test.skipIf(missing !== undefined)(`of a deleted row no older value is left to come back${why}`, async () => {
  const server = await startNatsServer();
  const bus = await openNats({ servers: [server.url], role: "owner" });
  for (const value of ["1", "2", "3"]) await bus.table.put("row", value, { expect: "any" });
  await bus.table.delete("row", { expect: "any" });
  const nc = await connect({ servers: server.url });
  const ask = JSON.stringify({ subjects_filter: "$KV.AF_TABLE.row" });
  const info: unknown = (await nc.request("$JS.API.STREAM.INFO.KV_AF_TABLE", ask)).json();
  expect(info).toMatchObject({ state: { subjects: { "$KV.AF_TABLE.row": 1 } } });
  await nc.close();
  await bus.close();
  await server.close();
});
