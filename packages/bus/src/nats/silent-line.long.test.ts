import { makeRunId, parseId, subjects } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { natsServerMissing, startNatsServer } from "../contract/servers/index.ts";
import { type Proxy, startProxy } from "./fixtures/proxy.ts";
import { openNats } from "./index.ts";

const missing = await natsServerMissing();
const why = missing === undefined ? "" : `: ${missing}`;

const tenant = parseId("tenant", "acme");
const shard = parseId("shard", "00");

/** A bus on one of two lines to a server; `strike` does something to the one that it chose. */
async function appendAfter(strike: (line: Proxy) => void): Promise<void> {
  const server = await startNatsServer();
  const lines = [await startProxy(server.url), await startProxy(server.url)];
  const bus = await openNats({ servers: lines.map(({ url }) => url), role: "owner" });
  try {
    for (const line of lines) if (line.isUsed) strike(line);
    const subject = subjects.run({ tenant, shard, run: makeRunId(1_790_000_000_000, new Uint8Array(10)) });
    expect((await bus.log.append(subject, "1", { expect: 0 })).ok).toBe(true);
    expect(await bus.log.read(subject)).toHaveLength(1);
  } finally {
    await bus.close();
    for (const line of lines) await line.close();
    await server.close();
  }
}

describe.skipIf(missing !== undefined)(`before an append is given up as unknown${why}`, () => {
  test("a line on which nothing comes back is left for another", async () => {
    await appendAfter((line) => line.deafen());
  });

  test("so is one that lives, where only what is behind it cannot be reached", async () => {
    await appendAfter((line) => line.muffle());
  });
});
