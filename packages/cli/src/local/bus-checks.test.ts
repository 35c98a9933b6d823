import type { NatsReport, StreamReport } from "@agentflow/bus/nats";
import { expect, test } from "vitest";
import { busChecks } from "./bus-checks.ts";

const stream: StreamReport = {
  kind: "there",
  name: "AF_LOG_0",
  differs: [],
  messages: 7,
  bytes: 2_048,
  behind: [],
  messagesMax: undefined,
  bytesMax: undefined,
};

const healthy: NatsReport = {
  version: "2.15.1",
  clock: { aheadMs: 2, roundTripMs: 3 },
  sync: "fsync before each answer",
  replicas: 3,
  logs: 4,
  ill: undefined,
  storage: { memory: { used: 0, limit: undefined }, file: { used: 10, limit: 100 } },
  streams: [stream],
  consumers: [{ name: "c", subject: "af.task.default.default.dev", waiting: 0, leased: 2, redelivered: 0 }],
  deadLetters: 0,
};

test("what is well is said without a fix", () => {
  const checks = busChecks(healthy);
  expect(checks.filter(({ state }) => state !== "good")).toEqual([]);
  expect(checks.filter(({ fix }) => fix !== undefined)).toEqual([]);
});

test("another number of logs than the installation has is named before a server refuses it", () => {
  const of = (logs: number | undefined, asked?: number) =>
    busChecks({ ...healthy, logs }, asked).filter(({ name }) => name === "logs");
  expect(of(4)).toEqual([
    { name: "logs", state: "good", fact: "4, side by side: shard s lies in AF_LOG_<s mod 4>" },
  ]);
  expect(of(1, 1)).toEqual([{ name: "logs", state: "good", fact: "one" }]);
  expect(of(undefined, 4)).toEqual([]);
  expect(of(4, 2)).toMatchObject([{ state: "bad", fix: "bus.logs: 4, or leave it out" }]);
});

test.each<[string, Partial<NatsReport>, { name: string; state: "note" | "bad"; fact: RegExp }]>([
  [
    "a disk that failed the server",
    { ill: "JetStream stream 'A' write error: no space left on device" },
    { name: "nats", state: "bad", fact: /is not well: .*no space left/ },
  ],
  [
    "a lost power cut",
    { replicas: 1, sync: "written, on disk within 120 s" },
    { name: "durability", state: "note", fact: /power cut may lose/ },
  ],
  ["one disk", { replicas: 1 }, { name: "durability", state: "note", fact: /loss of its disk everything/ }],
  [
    "a missing stream",
    { streams: [{ kind: "missing", name: "AF_DEAD" }] },
    { name: "AF_DEAD", state: "bad", fact: /not there/ },
  ],
  [
    "a stream that was changed",
    { streams: [{ ...stream, differs: ['discard: "old", not "new"'] }] },
    { name: "AF_LOG_0", state: "bad", fact: /discard: "old", not "new"/ },
  ],
  [
    "a copy that lags",
    { streams: [{ ...stream, behind: ["n2"] }] },
    { name: "AF_LOG_0", state: "bad", fact: /copies behind: n2/ },
  ],
  [
    "a full queue",
    { streams: [{ ...stream, messages: 90, messagesMax: 100 }] },
    { name: "AF_LOG_0", state: "note", fact: /90 % of its records/ },
  ],
  [
    "a full disk",
    { storage: { ...healthy.storage, file: { used: 85, limit: 100 } } },
    { name: "file store", state: "bad", fact: /85 %/ },
  ],
  [
    "tasks without a taker",
    { consumers: [{ name: "c", subject: "s", waiting: 4, leased: 0, redelivered: 0 }] },
    { name: "tasks", state: "note", fact: /nobody takes from s/ },
  ],
  [
    "tasks that come again",
    { consumers: [{ name: "c", subject: "s", waiting: 0, leased: 4, redelivered: 3 }] },
    { name: "s", state: "note", fact: /3 of 4/ },
  ],
  ["dead letters", { deadLetters: 2 }, { name: "dead letters", state: "note", fact: /2 tasks/ }],
  [
    "a clock that is off",
    { clock: { aheadMs: -9_000, roundTripMs: 3 } },
    { name: "clock", state: "bad", fact: /9\.0s behind/ },
  ],
])("%s is told, with what helps", (_, of, { name, state, fact }) => {
  const found = busChecks({ ...healthy, ...of }).filter((check) => check.state !== "good");
  expect(found).toEqual([{ name, state, fact: expect.stringMatching(fact), fix: expect.any(String) }]);
});
