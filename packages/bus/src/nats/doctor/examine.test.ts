/** What a look finds on a real server, and what it leaves as it was. */
import { connect } from "@nats-io/transport-node";
import { isSubject, type Subject } from "@agentflow/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type NatsServer, natsServerMissing, startNatsServer } from "../../contract/servers/index.ts";
import { examineNats, type NatsReport, openNats } from "../index.ts";

const missing = await natsServerMissing();

function subject(text: string): Subject {
  if (!isSubject(text)) throw new Error(`${text} is no subject`);
  return text;
}

describe.skipIf(missing !== undefined)("a look at NATS", () => {
  let server: NatsServer;

  beforeAll(async () => {
    server = await startNatsServer({ syncInterval: "always" });
  });

  afterAll(() => server.close());

  const look = (): Promise<NatsReport> => examineNats({ servers: [server.url], monitor: server.monitor });

  test("finds nothing where nothing was made, and makes nothing", async () => {
    const { streams } = await look();
    expect(streams.every(({ kind }) => kind === "missing")).toBe(true);
    expect(await look()).toMatchObject({ deadLetters: 0, consumers: [], logs: undefined });
  });

  test("finds what an owner made as it should be, with what lies in it", async () => {
    const bus = await openNats({ servers: [server.url], role: "owner", logs: 2 });
    const task = subject("af.task.default.default.dev");
    await bus.queue.push([{ id: "1", subject: task, body: "x" }]);
    await bus.log.append(subject("af.dead.default.default"), "{}", { expect: "any" });
    await bus.close();
    const report = await look();
    expect(report.streams.map(({ name }) => name)).toContain("AF_LOG_1");
    const differs = report.streams.flatMap((one) => (one.kind === "there" ? one.differs : [one.name]));
    expect(differs).toEqual([]);
    expect(report).toMatchObject({ sync: "fsync before each answer", replicas: 1, logs: 2, deadLetters: 1 });
    expect(report.consumers).toEqual([
      { name: "default_default_dev", subject: task, waiting: 1, leased: 0, redelivered: 0 },
    ]);
    expect(Math.abs(report.clock.aheadMs)).toBeLessThan(1_000);
  });

  test("names what somebody changed or removed", async () => {
    const nc = await connect({ servers: server.url });
    const config = JSON.parse((await nc.request("$JS.API.STREAM.INFO.AF_LOG_0")).string()).config;
    const changed = JSON.stringify({ ...config, max_age: 3_600e9 });
    await nc.request("$JS.API.STREAM.UPDATE.AF_LOG_0", changed);
    await nc.request("$JS.API.STREAM.DELETE.AF_DEAD");
    await nc.close();
    const { streams } = await look();
    expect(streams.find(({ name }) => name === "AF_DEAD")).toEqual({ kind: "missing", name: "AF_DEAD" });
    expect(streams.find(({ name }) => name === "AF_LOG_0")).toMatchObject({
      differs: [expect.stringMatching(/^max_age: 3600000000000/)],
    });
  });
});
