import { openMemoryBus } from "@agentflow/bus/memory";
import { virtualWorld } from "@agentflow/host/virtual";
import { type Commit, defaultTenant, makeRunId, parseId, type Subject } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { runSubject } from "../orchestrator/shard.ts";
import { createLogTail, type LogRecordOfRun } from "./log-tail.ts";

const lanes = 2;

test("a reader that claims to be far ahead changes nothing for the others", async () => {
  const world = virtualWorld(1);
  const { log } = openMemoryBus({ world, polite: true, logs: lanes });
  const tail = createLogTail(log, { add: () => undefined });
  const drive = async <T>(work: Promise<T>): Promise<T> => {
    const pending = new Set([work]);
    void work.finally(() => pending.delete(work));
    while (pending.size > 0) await world.time.advance(5);
    return work;
  };
  const commit: Commit = { v: 1, kind: "commit", inputs: [], events: [], commands: [] };
  const body = JSON.stringify(commit);
  const append = async (): Promise<Subject> => {
    const run = makeRunId(world.clock.now(), world.random.bytes(10));
    const subject = runSubject(defaultTenant, run);
    tail.appending(subject, body, commit);
    const appended = await drive(log.append(subject, body, { expect: 0 }));
    tail.appended(subject, appended.ok ? appended.revision : undefined);
    return subject;
  };
  const read = async (after: readonly number[], count: number): Promise<LogRecordOfRun[]> => {
    const found: LogRecordOfRun[] = [];
    const stop = new AbortController();
    const take = (records: readonly LogRecordOfRun[]): void => {
      found.push(...records);
      if (found.length >= count) stop.abort();
    };
    await drive(tail.read(after, take, stop.signal));
    return found;
  };
  for (let n = 0; n < 8; n++) await append();
  const all = await read([0, 0], 8);
  const here = [0, 1].map((lane) =>
    Math.max(0, ...all.map(({ revision }) => revision).filter((one) => one % lanes === lane)),
  );
  // Far ahead in one lane, and in the other just where something is to be read.
  await read([1e15, 0], 1);
  for (let n = 0; n < 8; n++) await append();
  const mine = await read(here, 8);
  expect(mine.filter(({ isOwn }) => isOwn)).toHaveLength(8);
});

test("what a log that lost its end holds in the place of our own is read as it stands there", async () => {
  const world = virtualWorld(2);
  const { log } = openMemoryBus({ world, polite: true });
  const tail = createLogTail(log, { add: () => undefined });
  const commitOf = (id: string): Commit => ({
    v: 1,
    kind: "commit",
    inputs: [{ kind: "nudge", id: parseId("input", id), at: "2026-01-01T00:00:00.000Z" }],
    events: [],
    commands: [],
  });
  const subject = runSubject(defaultTenant, makeRunId(world.clock.now(), world.random.bytes(10)));
  const [ours, there] = [commitOf("ours"), commitOf("there")];
  tail.appending(subject, JSON.stringify(ours), ours);
  // Acknowledged, and gone before anybody read it.
  tail.appended(subject, 1);
  void log.append(subject, JSON.stringify(there), { expect: 0 });
  const found = Promise.withResolvers<readonly LogRecordOfRun[]>();
  const stop = new AbortController();
  const reading = tail.read([0], (records) => found.resolve(records), stop.signal);
  await world.time.advance(100);
  expect(await found.promise).toMatchObject([{ revision: 1, isOwn: false, parsed: { commit: there } }]);
  stop.abort();
  await world.time.advance(100);
  await reading;
});
