import { connect } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import { natsServerMissing, startNatsServer } from "../contract/servers/index.ts";
import { openNats } from "./index.ts";

const missing = await natsServerMissing();
const why = missing === undefined ? "" : `: ${missing}`;

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
