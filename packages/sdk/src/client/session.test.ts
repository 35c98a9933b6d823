import type { ErrorCode, Json } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { openSession } from "./session.ts";
import type { Transport } from "./transport.ts";

type Answer = (id: number) => Json;

const ended: Answer = (id) => ["answer", id, { run: "r", status: "completed", revision: 1 }];
const refused =
  (code: ErrorCode): Answer =>
  (id) => ["error", id, { code, reason: "none", message: "no", details: {}, suggestions: [] }];

/** Answers what is said on its socket with these, one after the other; time passes only in a sleep. */
function answering(answers: readonly Answer[]): { transport: Transport; readonly said: string[] } {
  const said: string[] = [];
  let now = 0;
  const unused = (): never => {
    throw new Error("not used here");
  };
  const transport: Transport = {
    async socket(_path, events) {
      const send = (text: string): void => {
        for (const message of JSON.parse(text)) {
          const answer = answers[said.push(JSON.stringify(message)) - 1] ?? ended;
          queueMicrotask(() => events.message(JSON.stringify([answer(message[1])])));
        }
      };
      return { send, close: () => undefined };
    },
    now: () => now,
    async sleep(ms) {
      now += ms;
    },
    random: (bytes) => new Uint8Array(bytes),
    afterTurn: (fn) => queueMicrotask(fn),
    request: unused,
    stream: unused,
    bytes: unused,
    sha256: unused,
    close: unused,
  };
  return { transport, said };
}

test("a start that meets a shard between two owners is repeated as it was until it is accepted", async () => {
  const { transport, said } = answering([refused("unavailable"), refused("timeout")]);
  const session = openSession(transport, 10_000);
  expect(await session.start("one", { x: 1 })).toMatchObject({ status: "completed" });
  expect(said).toHaveLength(3);
  expect(new Set(said).size).toBe(1);
});

test("what will not pass is told at once, and what does not pass once its time is over", async () => {
  const never = answering([refused("conflict")]);
  await expect(openSession(never.transport, 10_000).start("one", {})).rejects.toMatchObject({
    code: "conflict",
  });
  expect(never.said).toHaveLength(1);
  const late = answering(Array.from({ length: 50 }, () => refused("unavailable")));
  await expect(openSession(late.transport, 1_000).start("one", {})).rejects.toMatchObject({
    code: "unavailable",
  });
  expect(late.said.length).toBeLessThan(10);
});

/** A run of so many events, whose sockets break behind each few; says behind what it was followed. */
function breaking(events: number, most: number): { transport: Transport; readonly asked: string[] } {
  const asked: string[] = [];
  const { transport } = answering([]);
  return {
    asked,
    transport: {
      ...transport,
      async socket(_path, to) {
        const send = (text: string): void => {
          for (const [kind, id, , after] of JSON.parse(text)) {
            if (kind !== "follow") continue;
            asked.push(after);
            const from = Number(after.slice(1) || 0);
            const frame: Json[] = [];
            for (let n = from + 1; n <= Math.min(events, from + most); n++) {
              frame.push([
                "event",
                id,
                { run: "r", revision: n, n: 0, event: { kind: "event_emitted" } },
                `c${n}`,
              ]);
            }
            if (from + most >= events) frame.push(["end", id]);
            queueMicrotask(() => {
              to.message(JSON.stringify(frame));
              if (from + most < events) to.closed("broken");
            });
          }
        };
        return { send, close: () => undefined };
      },
    },
  };
}

test("a run that is followed goes on behind what came, however often the socket breaks", async () => {
  const { transport, asked } = breaking(10, 3);
  const seen: number[] = [];
  for await (const { revision } of openSession(transport, 10_000).follow("r")) seen.push(revision);
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(asked).toEqual(["", "c3", "c6", "c9"]);
});

test("whoever stops following is heard of; a follow ends with its session or a refusal", async () => {
  const stopped = answering([
    (id) => ["event", id, { run: "r", revision: 1, n: 0, event: { kind: "event_emitted" } }, "c1"],
  ]);
  const session = openSession(stopped.transport, 10_000);
  for await (const _ of session.follow("r", { live: true })) break;
  await new Promise((resolve) => setImmediate(resolve));
  expect(stopped.said).toEqual(['["follow",1,"r","",{"live":true}]', '["unfollow",1]']);
  const lost = answering([refused("unavailable"), refused("not_found")]);
  const following = (async () => {
    for await (const _ of openSession(lost.transport, 10_000).follow("r")) break;
  })();
  await expect(following).rejects.toMatchObject({ code: "not_found" });
  expect(lost.said).toHaveLength(2);
  const silent = answering([(id) => ["answer", id, { run: "r", status: "running", revision: 1 }]]);
  const open = openSession(silent.transport, 10_000);
  const waiting = (async () => {
    for await (const _ of open.follow("r")) break;
  })();
  await new Promise((resolve) => setImmediate(resolve));
  open.close();
  await expect(waiting).rejects.toMatchObject({ reason: "session_closed" });
});
