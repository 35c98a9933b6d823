import { makeRunId, parseId, type Subject, subjects } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";
import { natsServerMissing, startNatsServer } from "../contract/servers/index.ts";
import { openNats } from "./index.ts";

const kills = 20;
const missing = await natsServerMissing();
const why = missing === undefined ? "" : `: ${missing}`;

test.skipIf(missing !== undefined)(
  `whatever was acknowledged before any of 20 kills of the server is there, and the fence holds${why}`,
  async () => {
    const server = await startNatsServer();
    const bus = await openNats({ servers: [server.url], role: "owner" });
    const tenant = parseId("tenant", "acme");
    const acknowledged = new Map<Subject, number[]>();
    const over = new AbortController();
    /** Each record names the one before it, so that a hole or a record twice would show. */
    const walk = async (subject: Subject): Promise<void> => {
      const revisions: number[] = [];
      acknowledged.set(subject, revisions);
      for (let stands = 0; !over.signal.aborted; ) {
        try {
          const written = await bus.log.append(subject, `after ${stands}`, { expect: stands });
          if (written.ok) revisions.push(written.revision);
          stands = written.revision;
        } catch {
          // Not connected, or not known for too long: the next try says where the run stands.
          await sleep(5);
        }
      }
    };
    const walks = Array.from({ length: 8 }, (_, n) =>
      walk(
        subjects.run({
          shard: parseId("shard", "07"),
          tenant,
          run: makeRunId(1_790_000_000_000 + n, new Uint8Array(10)),
        }),
      ),
    );
    try {
      for (let round = 0; round < kills; round++) {
        await sleep(60);
        await server.end("SIGKILL");
        await server.start("kept");
        const before = [...acknowledged.values()].flat().length;
        for (
          let waited = 0;
          waited < 5_000 && [...acknowledged.values()].flat().length === before;
          waited += 10
        ) {
          await sleep(10);
        }
      }
      over.abort();
      await Promise.all(walks);
      let checked = 0;
      for (const [subject, revisions] of acknowledged) {
        const entries = await bus.log.read(subject, { limit: 1_000_000 });
        const there = new Set(entries.map((entry) => entry.revision));
        expect(revisions.filter((revision) => !there.has(revision))).toEqual([]);
        expect(entries.map((entry) => entry.body)).toEqual(
          [0, ...entries.map((entry) => entry.revision)].slice(0, -1).map((before) => `after ${before}`),
        );
        const last = entries.at(-1)?.revision ?? 0;
        expect(await bus.log.append(subject, "blind", { expect: 0 })).toMatchObject({
          ok: false,
          revision: last,
        });
        checked += revisions.length;
      }
      expect(checked).toBeGreaterThan(1_000);
    } finally {
      over.abort();
      await bus.close();
      await server.close();
    }
  },
  120_000,
);
