import type { ErrorCode } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { exchange } from "./exchange.ts";
import type { Transport } from "./transport.ts";

/** Answers with these errors, one after the other, and then with `done`; time passes only while it sleeps. */
function answering(errors: readonly ErrorCode[]): {
  readonly transport: Transport;
  readonly asked: () => number;
} {
  let [asked, now] = [0, 0];
  const unused = (): never => {
    throw new Error("not used here");
  };
  const transport: Transport = {
    async request() {
      const code = errors[asked++];
      if (code === undefined) return { status: 200, text: '{"v":1,"ok":true,"data":"done"}' };
      const error = { code, reason: "none", message: "no", details: {}, suggestions: [] };
      return { status: 500, text: JSON.stringify({ v: 1, ok: false, error }) };
    },
    now: () => now,
    async sleep(ms) {
      now += ms;
    },
    stream: unused,
    bytes: unused,
    socket: unused,
    sha256: unused,
    random: unused,
    afterTurn: unused,
    close: unused,
  };
  return { transport, asked: () => asked };
}

const start = { method: "POST", path: "/v1/runs" } as const;

test("what may pass is asked again: an owner that is gone, and one that is silent", async () => {
  const { transport, asked } = answering(["unavailable", "timeout", "timeout"]);
  expect(await exchange(transport, start, 10_000)).toBe("done");
  expect(asked()).toBe(4);
});

test("what will not pass is not asked again, and nothing is for longer than was said", async () => {
  const refused = answering(["conflict"]);
  await expect(exchange(refused.transport, start, 10_000)).rejects.toMatchObject({ code: "conflict" });
  expect(refused.asked()).toBe(1);
  const silent = answering(Array.from({ length: 100 }, () => "timeout" as const));
  await expect(exchange(silent.transport, start, 1_000)).rejects.toMatchObject({ code: "timeout" });
  expect(silent.asked()).toBe(4);
});
