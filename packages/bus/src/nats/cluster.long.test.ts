import { setTimeout as sleep } from "node:timers/promises";
import { makeRunId, parseId, prefixes, subjects, type Subject } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { natsServerMissing } from "../contract/servers/index.ts";
import { clusterOf, openPatiently } from "./fixtures/cluster.ts";

const missing = await natsServerMissing();
const why = missing === undefined ? "" : `: ${missing}`;

const tenant = parseId("tenant", "acme");
const task = subjects.task({ tenant, pool: parseId("pool", "default"), build: parseId("build", "dev") });
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

function runOf(n: number): Subject {
  const shard = parseId("shard", String(n % 64).padStart(2, "0"));
  return subjects.run({ tenant, shard, run: makeRunId(1_790_000_000_000 + n, new Uint8Array(10)) });
}

test.skipIf(missing !== undefined)(
  `with three copies each of three servers may die: nothing acknowledged is lost, reads are not old${why}`,
  async () => {
    const servers = await clusterOf(3);
    const [bus, other] = [await openPatiently(servers), await openPatiently(servers)];
    try {
      expect(bus.durability).toContain("3 copies");
      const revisions = new Map<number, number>();
      let n = 0;
      // As many as that, however long nobody leads: a run whose append failed is left alone.
      const write = async (count: number): Promise<void> => {
        for (let done = 0; done < count; ) {
          const run = n++;
          const written = await bus.log.append(runOf(run), `${run}`, { expect: 0 }).catch(() => undefined);
          if (written === undefined) {
            await sleep(50);
            continue;
          }
          expect(written.ok).toBe(true);
          revisions.set(run, written.revision);
          done++;
          expect(await other.log.read(runOf(run)).catch(() => ["unknown"])).toHaveLength(1);
        }
      };
      const epoch = await bus.queue.epoch();
      await bus.queue.push(range(5).map((id) => ({ id: `t:${id}`, subject: task, body: "" })));
      await write(50);
      for (const server of servers) {
        await server.end("SIGKILL");
        await write(60);
        await server.start("kept");
        await sleep(3_000);
      }
      await write(20);
      expect(revisions.size).toBe(250);
      const stop = new AbortController();
      const found = new Map<string, number>();
      for await (const batch of bus.log.tail({ filter: [prefixes.log], after: 0, signal: stop.signal })) {
        for (const entry of batch) found.set(entry.body, entry.revision);
        if ([...revisions.keys()].every((run) => found.has(`${run}`))) stop.abort();
      }
      for (const [run, revision] of revisions) expect(found.get(`${run}`)).toBe(revision);
      // Tasks in memory have three copies too: one server at a time takes none of them away.
      expect(await bus.queue.epoch()).toBe(epoch);
      const done = new Set<string>();
      const take = { subjects: [task], holder: "h", slots: 5, leaseMs: 30_000 };
      const taken = new AbortController();
      for await (const delivery of other.queue.take({ ...take, signal: taken.signal })) {
        expect(await delivery.ack()).toBe(true);
        done.add(delivery.id);
        if (done.size === 5) taken.abort();
      }
      const row = await bus.table.put("k", "1", { expect: 0 });
      expect(row.ok && (await bus.table.get("k"))?.revision).toBe(row.ok && row.revision);
      expect(await bus.table.list("")).toHaveLength(1);
    } finally {
      await bus.close();
      await other.close();
      for (const server of servers) await server.close();
    }
  },
  180_000,
);
