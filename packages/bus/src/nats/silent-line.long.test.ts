import { makeRunId, parseId, subjects } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { natsServerMissing, startNatsServer } from "../contract/servers/index.ts";
import { startProxy } from "./fixtures/proxy.ts";
import { openNats } from "./index.ts";

const missing = await natsServerMissing();
const why = missing === undefined ? "" : `: ${missing}`;

test.skipIf(missing !== undefined)(
  `a line on which nothing comes back is given up for another, before the append on it is${why}`,
  async () => {
    const server = await startNatsServer();
    const lines = [await startProxy(server.url), await startProxy(server.url)];
    const bus = await openNats({ servers: lines.map(({ url }) => url), role: "owner" });
    try {
      // Whichever it chose falls silent, and stays so.
      lines.find(({ isUsed }) => isUsed)?.deafen();
      const tenant = parseId("tenant", "acme");
      const run = makeRunId(1_790_000_000_000, new Uint8Array(10));
      const subject = subjects.run({ tenant, shard: parseId("shard", "00"), run });
      expect((await bus.log.append(subject, "1", { expect: 0 })).ok).toBe(true);
      expect(await bus.log.read(subject)).toHaveLength(1);
    } finally {
      await bus.close();
      for (const line of lines) await line.close();
      await server.close();
    }
  },
);
