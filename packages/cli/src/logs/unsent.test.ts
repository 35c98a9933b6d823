import type { LogRecord } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { outputOf } from "./containers.ts";
import { Seen } from "./seen.ts";
import { Unsent } from "./unsent.ts";

const at = "2026-01-31T12:00:00.000Z";

function printed(seq: number, copy = "worker-default-1"): ReturnType<typeof outputOf> {
  const record = {
    writer: `${copy}.abc`,
    seq,
    kind: "log",
    at,
    level: "info",
    source: "tool",
    message: `line ${seq}`,
  };
  return line(JSON.stringify(record), copy);
}

function line(text: string, copy = "worker-default-1"): ReturnType<typeof outputOf> {
  const of = {
    stream: "stderr",
    time: at,
    cut: false,
    copy,
    container: `p-docker-${copy}`,
    id: "1",
  } as const;
  return outputOf({ ...of, text }, (given) => given.replaceAll("secret", "[redacted]"));
}

const texts = (records: readonly LogRecord[]): string[] => records.map(({ message }) => message);

test("what a process had not sent when it was killed is taken from its container, and nothing else", () => {
  const seen = new Seen();
  const unsent = new Unsent(seen);
  for (let seq = 1; seq <= 5; seq++) unsent.keep(printed(seq));
  unsent.keep(printed(1, "worker-default-2"));
  // The bus brought three of them.
  seen.take({ writer: "worker-default-1.abc", seq: 3 });
  expect(texts(unsent.take("worker-default-1"))).toEqual(["line 4", "line 5"]);
  expect(texts(unsent.take("worker-default-1"))).toEqual([]);
  expect(texts(unsent.take())).toEqual(["line 1"]);
});

test("what is held no more is told once its process is gone, and only what nobody brought", () => {
  const seen = new Seen();
  const unsent = new Unsent(seen, 4);
  for (let seq = 1; seq <= 8; seq++) unsent.keep(printed(seq));
  seen.take({ writer: "worker-default-1.abc", seq: 1 });
  const [gap, ...rest] = unsent.take("worker-default-1");
  expect(gap).toMatchObject({ source: "bus", name: "gap", level: "warn" });
  const [, lost = ""] = /^(\d+) records of worker-default-1 lost here/.exec(gap?.message ?? "") ?? [];
  expect(Number(lost) + rest.length).toBe(7);
  expect(texts(rest)).toEqual(["line 5", "line 6", "line 7", "line 8"].slice(-rest.length));
  expect(unsent.take()).toEqual([]);
});

test("what the bus brought before the container did is not kept at all", () => {
  const seen = new Seen();
  const unsent = new Unsent(seen);
  seen.take({ writer: "worker-default-1.abc", seq: 9 });
  unsent.keep(printed(8));
  expect(unsent.take()).toEqual([]);
});

const natsHead = "[1] 2026/11/26 22:20:01.993454";

test.each([
  [`${natsHead} [INF] Server is ready`, "info", "Server is ready"],
  [`${natsHead} [INF]   Version:  2.15.1`, "info", "  Version:  2.15.1"],
  [`${natsHead} [WRN] slow`, "warn", "slow"],
  [`${natsHead} [ERR] no`, "error", "no"],
  [`${natsHead} [FTL] no more`, "fatal", "no more"],
  ["[1] no head of its own [ERR]", "warn"],
  ["panic: no", "error"],
  ["Error: at x.js:1", "warn"],
  ['{"writer":"w.1","level":"info"}', "warn"],
])("%s is a line of the container at level %s", (text, level, message = text) => {
  const output = line(text);
  expect(output.writer).toBeUndefined();
  expect(output.record()).toMatchObject({
    source: "container",
    name: "worker-default-1",
    level,
    message,
  });
});

test("known secrets are hidden in what containers print", () => {
  expect(line("the secret is out").record()?.message).toBe("the [redacted] is out");
});

test("each number is seen once, whichever way it comes", () => {
  const seen = new Seen();
  const took = [1, 2, 2, 1, 3, 5, 4].map((seq) => seen.take({ writer: "a", seq }));
  expect(took).toEqual([true, true, false, false, true, true, false]);
  expect([seen.take({}), seen.take({}), seen.take({ writer: "b", seq: 1 })]).toEqual([true, true, true]);
});
