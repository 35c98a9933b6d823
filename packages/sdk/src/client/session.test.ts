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
