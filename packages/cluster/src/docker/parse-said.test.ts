import { expect, test } from "vitest";
import { parseSaid } from "./parse-said.ts";

const record = (level: string, message: string, fields?: object): string =>
  JSON.stringify({
    writer: "control-plane-1.x",
    seq: 1,
    level,
    at: "2026-01-01T00:00:00.000Z",
    v: 1,
    kind: "log",
    source: "control-plane",
    tenant: "default",
    message,
    fields,
  });

test("the last warning of a part says why, and what would help", () => {
  const lines = [
    record("error", "older"),
    record("warn", "the bus is not there yet", { why: "no storage", next: ["give it more storage"] }),
    record("info", "listening"),
    "not a record",
  ];
  expect(parseSaid(lines)).toEqual({
    why: "the bus is not there yet: no storage",
    next: ["give it more storage"],
  });
});

test("lines that hold no such record say nothing", () => {
  expect(
    parseSaid([record("info", "listening"), "{", "{}", '{"kind":"log","level":"warn"}', ""]),
  ).toBeUndefined();
});
