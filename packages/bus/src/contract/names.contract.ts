import { prefixes, type Subject } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import type { Bus } from "../port/index.ts";
import { Collector, flat } from "./collector.ts";
import {
  anySubject,
  blobKey,
  inSubject,
  type Kit,
  liveSubject,
  refused,
  runSubject,
  taskSubject,
  utf8,
} from "./kit.ts";

const long = "x".repeat(5_000);

/** What has broken brokers and their clients: each in the place of one token. */
const hostileTokens: readonly (readonly [string, string])[] = [
  ["a wildcard for one token", "*"],
  ["a wildcard for the rest", ">"],
  ["nothing", ""],
  ["a space", "a b"],
  ["a line break and a command", "a\r\nPUB b 1\r\nx"],
  ["a tab", "a\tb"],
  ["NUL", "a\u0000b"],
  ["bidi override", "a\u202eb"],
  ["a homoglyph", "аcme"],
  ["a path upward", "../../etc"],
  ["a percent and an underscore pattern", "%"],
  ["a quote", "a'b\"c"],
  ["5,000 characters", long],
];

const hostileKeys = ["", "a b", "a\u0000b", "a\nb", "a/b", "ключ", "*", "a%", "x".repeat(201), long];

const hostileBlobKeys = (hash: string): readonly string[] => [
  "",
  hash,
  `/${hash}`,
  `../${hash}`,
  `acme/../other/${hash}`,
  `acme/./${hash}`,
  `acme//${hash}`,
  `/etc/${hash}`,
  `acme\\x/${hash}`,
  `acme/a\u0000b/${hash}`,
  `acme/_def/${hash.toUpperCase()}`,
  `acme/_def/${hash}/x`,
  `acme/_def/${hash.slice(1)}`,
  `acme/_def/${long}/${hash}`,
];

export function namesContract(kit: Kit): void {
  describe("hostile names", () => {
    test.each(hostileTokens)("the log refuses %s in a subject, and keeps nothing", async (_what, token) => {
      const bus = await kit.bus();
      for (const subject of subjectsWith("log", token)) {
        await refused("invalid_input", () => bus.log.append(subject, "x", { expect: 0 }));
        await refused("invalid_input", () => bus.log.read(subject));
        await refused("invalid_input", () => bus.log.purge(subject));
        await refused("invalid_input", () =>
          first(bus.log.tail({ filter: [subject], after: 0, signal: kit.stopper().signal })),
        );
      }
      await stillFine(kit, bus);
    });

    test.each(hostileTokens)("queue and wire refuse %s in a subject", async (_what, token) => {
      const bus = await kit.bus();
      for (const subject of subjectsWith("task", token)) {
        await refused("invalid_input", () => bus.queue.push([{ id: "x", subject, body: "x" }]));
        const options = {
          subjects: [subject],
          holder: "h",
          slots: 1,
          leaseMs: 1_000,
          signal: kit.stopper().signal,
        };
        await refused("invalid_input", () => first(bus.queue.take(options)));
      }
      for (const subject of subjectsWith("in", token)) {
        await refused("invalid_input", () => bus.wire.request(subject, "x", { timeoutMs: 500 }));
        await refused("invalid_input", () => bus.wire.serve(subject, async () => "x"));
      }
      for (const subject of subjectsWith("live", token)) {
        await refused("invalid_input", () => bus.wire.publish(subject, "x"));
        await refused("invalid_input", () => bus.wire.subscribe(subject, () => undefined));
      }
      await stillFine(kit, bus);
    });

    test("a subject of another kind is refused: the log keeps no tasks, the queue no commits", async () => {
      const bus = await kit.bus();
      for (const subject of [
        taskSubject(),
        inSubject(1),
        liveSubject(1),
        anySubject("other.log.x"),
        prefixes.log,
      ]) {
        await refused("invalid_input", () => bus.log.append(subject, "x", { expect: "any" }));
      }
      for (const subject of [
        runSubject(1),
        inSubject(1),
        anySubject("af.task.acme.default"),
        anySubject("af.task."),
      ]) {
        await refused("invalid_input", () => bus.queue.push([{ id: "x", subject, body: "x" }]));
      }
      for (const subject of [runSubject(1), taskSubject(), prefixes.log]) {
        await refused("invalid_input", () => bus.wire.request(subject, "x", { timeoutMs: 500 }));
      }
      await stillFine(kit, bus);
    });

    test("one hostile task fails its whole push, and none of it is on the queue", async () => {
      const bus = await kit.bus();
      const good = { id: "good", subject: taskSubject(), body: "x" };
      for (const id of ["", "a b", "a\u0000b", "a\r\nb", "ид", "x".repeat(301), long]) {
        await refused("invalid_input", () => bus.queue.push([good, { ...good, id }]));
      }
      for (const [, token] of hostileTokens) {
        const [subject] = subjectsWith("task", token);
        await refused("invalid_input", () =>
          bus.queue.push(subject ? [good, { id: "b", subject, body: "x" }] : []),
        );
      }
      expect((await bus.queue.depth()).filter((one) => one.waiting > 0)).toEqual([]);
      await stillFine(kit, bus);
    });

    test("the table refuses keys and prefixes that are none", async () => {
      const bus = await kit.bus();
      for (const key of hostileKeys) {
        await refused("invalid_input", () => bus.table.put(key, "x", { expect: 0 }));
        await refused("invalid_input", () => bus.table.get(key));
        await refused("invalid_input", () => bus.table.delete(key, { expect: "any" }));
        if (key === "") continue;
        await refused("invalid_input", () => bus.table.list(key));
        await refused("invalid_input", () => first(bus.table.watch(key, kit.stopper().signal)));
      }
      expect(await bus.table.list("")).toEqual([]);
      await stillFine(kit, bus);
    });

    test("names that mean something to a language mean nothing to the table", async () => {
      const { table } = await kit.bus();
      for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty", "..", ".", "-"]) {
        expect(await table.get(key)).toBeUndefined();
        expect((await table.put(key, `of ${key}`, { expect: 0 })).ok).toBe(true);
        expect((await table.get(key))?.value).toBe(`of ${key}`);
      }
      expect(await table.list("")).toHaveLength(7);
    });

    test("blobs refuse keys that would leave their place, and prefixes that are none", async () => {
      const bus = await kit.bus();
      const bytes = utf8("x");
      for (const key of hostileBlobKeys(blobKey(bytes).slice(-64))) {
        await refused("invalid_input", () => bus.blobs.put(key, bytes));
        await refused("invalid_input", () => bus.blobs.get(key));
        await refused("invalid_input", () => bus.blobs.delete(key));
      }
      for (const prefix of ["../", "a b", "a\u0000", "*", long]) {
        await refused("invalid_input", () => bus.blobs.list(prefix));
      }
      expect(await bus.blobs.list("")).toEqual([]);
      await stillFine(kit, bus);
    });

    test("a holder's name is plain text of at most 63 characters, slots and lease at least one", async () => {
      const { queue } = await kit.bus();
      const good = { subjects: [taskSubject()], holder: "h", slots: 1, leaseMs: 1_000 };
      const bad = [
        { holder: "" },
        { holder: "x".repeat(64) },
        { holder: "a\nb" },
        { slots: 0 },
        { leaseMs: 0 },
      ];
      for (const one of [...bad, { slots: Number.NaN }]) {
        const { signal } = kit.stopper();
        await refused("invalid_input", () => first(queue.take({ ...good, ...one, signal })));
      }
    });
  });
}

/** The token at each place of a subject of this stream. */
function subjectsWith(stream: "log" | "task" | "in" | "live", token: string): Subject[] {
  const good = { log: runSubject(1), task: taskSubject(), in: inSubject(1), live: liveSubject(1) }[stream];
  const tokens = good.split(".");
  return tokens
    .map((_, place) => tokens.with(place, token).join("."))
    .slice(2)
    .filter((text) => !(stream !== "task" && /^[a-z.0-9]+\.$/.test(text)))
    .map(anySubject);
}

async function first<T>(source: AsyncIterable<T>): Promise<unknown> {
  return source[Symbol.asyncIterator]().next();
}

/** Nothing that was refused has hurt anybody: all ports work, and hold nothing but what is put there now. */
async function stillFine(kit: Kit, bus: Bus): Promise<void> {
  expect((await bus.log.append(runSubject(7), "fine", { expect: 0 })).ok).toBe(true);
  const tail = new Collector(
    kit,
    flat(bus.log.tail({ filter: [prefixes.log], after: 0, signal: kit.stopper().signal })),
  );
  expect((await tail.at(0)).body).toBe("fine");
  expect(await bus.queue.push([{ id: "fine", subject: taskSubject(), body: "fine" }])).toEqual([
    { ok: true },
  ]);
  const { signal } = kit.stopper();
  const take = bus.queue.take({ subjects: [taskSubject()], holder: "h", slots: 1, leaseMs: 60_000, signal });
  expect(await (await new Collector(kit, take).at(0)).ack()).toBe(true);
  const server = await bus.wire.serve(inSubject(9), async (body) => body);
  expect(await bus.wire.request(inSubject(9), "fine", { timeoutMs: 3_000 })).toBe("fine");
  await server.stop();
}
