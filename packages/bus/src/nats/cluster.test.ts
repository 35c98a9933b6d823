import { makeRunId, parseId, prefixes, subjects, type Subject } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { natsServerMissing } from "../contract/servers/index.ts";
import { clusterOf, leaderOf, openPatiently } from "./fixtures/cluster.ts";
import { openNats } from "./index.ts";

const missing = await natsServerMissing();
const why = missing === undefined ? "" : `: ${missing}`;
const tenant = parseId("tenant", "acme");
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

function runOf(n: number): Subject {
  const shard = parseId("shard", String(n % 64).padStart(2, "0"));
  return subjects.run({ tenant, shard, run: makeRunId(1_790_000_000_000 + n, new Uint8Array(10)) });
}

test.skipIf(missing !== undefined)(
  `with copies, who writes while another is under way behind the same fence has lost the race${why}`,
  async () => {
    const servers = await clusterOf(3);
    const buses = [await openPatiently(servers)];
    try {
      const leader = await leaderOf(servers, "AF_LOG_0");
      for (const _ of range(2)) buses.push(await openPatiently([leader]));
      const [, first, second] = buses;
      if (first === undefined || second === undefined) throw new Error("two buses were opened");
      const copies = servers.filter((server) => server !== leader);
      for (const server of copies) server.freeze();
      const appends = [first, second].map((bus, by) => bus.log.append(runOf(1), `${by}`, { expect: 0 }));
      const puts = [first, second].map((bus) => bus.table.put("k", "1", { expect: 0 }));
      await second.log.head(prefixes.log);
      for (const server of copies) server.thaw();
      const written = await Promise.all(appends);
      expect(written.filter(({ ok }) => ok)).toHaveLength(1);
      const kept = await second.log.read(runOf(1));
      expect(kept.map(({ body }) => body)).toEqual([`${written.findIndex(({ ok }) => ok)}`]);
      expect((await Promise.all(puts)).filter(({ ok }) => ok)).toHaveLength(1);
    } finally {
      for (const server of servers) server.thaw();
      for (const bus of buses) await bus.close();
      for (const server of servers) await server.close();
    }
  },
);

test.skipIf(missing !== undefined)(
  `a cluster that lacks servers for the copies is not there yet: it is no refusal${why}`,
  async () => {
    const servers = await clusterOf(2);
    try {
      const open = openNats({ servers: servers.map(({ url }) => url), role: "owner", replicas: 3 });
      // A cluster that has just begun may also be silent for a while.
      const code = expect.stringMatching(/^(unavailable|timeout)$/);
      await expect(open).rejects.toMatchObject({ code });
    } finally {
      for (const server of servers) await server.close();
    }
  },
);
