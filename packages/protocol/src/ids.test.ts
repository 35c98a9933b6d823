import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AgentFlowError } from "./errors.ts";
import {
  type IdKind,
  grammar,
  isId,
  itemInstance,
  makeRunId,
  makeTaskId,
  parseId,
  runIdTime,
  shardOfDigest,
  splitInstance,
  splitTaskId,
} from "./ids.ts";

const kinds = Object.keys(grammar).filter((kind): kind is IdKind => kind in grammar);
const name = { good: ["a", "0", "a_b-c", "x".repeat(63)], bad: ["-a", "_a", "A", "x".repeat(64), "a.b"] };
const clusterName = { good: ["a", "a-b", "a".repeat(40)], bad: ["1a", "a-", "a_b", "a".repeat(41), "A"] };
const run = `r${"0".repeat(26)}`;

const table: {
  readonly [K in IdKind]: { readonly good: readonly string[]; readonly bad: readonly string[] };
} = {
  tenant: name,
  workflow: name,
  agent: name,
  secret: name,
  source: name,
  input: name,
  worker: name,
  project: clusterName,
  pool: clusterName,
  step: { good: ["a", "a_1", "x".repeat(63)], bad: ["1a", "_a", "a-b", "aB", "x".repeat(64), "a~1"] },
  "step instance": {
    good: ["a", "a~0", "a~999999", "a~1~2~3~4"],
    bad: ["a~", "a~1234567", "a~-1", "~1", "a~1~2~3~4~5", "a~b"],
  },
  tool: {
    good: ["orders.find", "o-1.findAll2"],
    bad: ["orders", ".find", "orders.", "orders.Find", "a.b.c", "a.b_c"],
  },
  run: {
    good: [run, "r01m85669t0zzzzzzzzzzzzzky6"],
    bad: [
      run.slice(0, -1),
      `${run}0`,
      `R${"0".repeat(26)}`,
      `r${"i".repeat(26)}`,
      `r${"u".repeat(26)}`,
      "0".repeat(27),
    ],
  },
  build: { good: ["0123456789ab", "dev"], bad: ["0123456789a", "0123456789AB", "Dev", "0123456789abc"] },
  definition: { good: ["0".repeat(64)], bad: ["0".repeat(63), "0".repeat(65), "G".repeat(64)] },
  shard: { good: ["00", "09", "59", "63"], bad: ["64", "0", "000", "-1", "6 "] },
  task: {
    good: [`acme:${run}:start:0`],
    bad: [`acme:${run}:start`, `acme:${run}:start:1234567`, `:${run}:start:0`],
  },
};

// What would break out of a subject, a path, a header or a reader's eye.
const hostile = [
  "",
  "a\u0000",
  "a\u202eb",
  "a\u200bb",
  "..",
  "../a",
  "a/b",
  "a\\b",
  "*",
  "a*",
  ">",
  "a.>",
  "a\r\nb",
  "a\n",
  "\na",
  " a",
  "a ",
  "a%2e",
  "\u0430bc",
  "\uff41",
  "é",
  "__proto__",
  "x".repeat(1_000),
];

describe.each(kinds)("a %s id", (kind) => {
  test.each(table[kind].good)("may be %j", (text) => {
    expect(isId(kind, text)).toBe(true);
    expect(parseId(kind, text)).toBe(text);
  });

  test.each(table[kind].bad)("may not be %j", (text) => {
    expect(isId(kind, text)).toBe(false);
  });

  test.each(hostile)("is never the hostile %j, alone or behind a good one", (text) => {
    expect(isId(kind, text)).toBe(false);
    const good = table[kind].good[0] ?? "";
    // A letter more may still be an id; a sign that no grammar knows never is.
    if (/[^a-z0-9_%-]/i.test(text)) expect(isId(kind, good + text)).toBe(false);
  });

  test.each([undefined, null, 7, {}, ["a"], true])("is never %j, which is no text", (value) => {
    expect(isId(kind, value)).toBe(false);
  });
});

test("what is no id is refused with its kind and the grammar, and is not shown in full", () => {
  const refused = caught(() => parseId("step", "X".repeat(500)));
  expect(refused).toMatchObject({ code: "invalid_input", reason: "invalid_id", details: { kind: "step" } });
  expect(refused.message.length).toBeLessThan(140);
  expect(refused.suggestions[0]).toContain(grammar.step.source);
});

const random = fc.uint8Array({ minLength: 10, maxLength: 10 });
const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });

describe("a run id", () => {
  test("is 26 letters of the alphabet behind an r, and gives its time back", () => {
    fc.assert(
      fc.property(time, random, (atMs, bytes) => {
        const made = makeRunId(atMs, bytes);
        expect(isId("run", made)).toBe(true);
        expect(made).toHaveLength(27);
        expect(runIdTime(made)).toBe(atMs);
      }),
    );
  });

  test("of a later millisecond sorts behind one of an earlier, whatever the dice", () => {
    fc.assert(
      fc.property(time, time, random, random, (one, other, dice, otherDice) => {
        fc.pre(one < other);
        expect(makeRunId(one, dice) < makeRunId(other, otherDice)).toBe(true);
      }),
    );
  });

  test("keeps all 80 random bits: other dice, another id", () => {
    fc.assert(
      fc.property(random, fc.integer({ min: 0, max: 79 }), (bytes, bit) => {
        const turned = Uint8Array.from(bytes);
        turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(makeRunId(0, turned)).not.toBe(makeRunId(0, bytes));
      }),
    );
  });

  test("has the letters that were worked out by other means", () => {
    const dice = Uint8Array.from(Buffer.from("ffffffffffffffffcfc6", "hex"));
    expect(makeRunId(1_795_470_600_000, dice)).toBe("r01m85669t0zzzzzzzzzzzzzky6");
  });

  test("from a request key is time zero and the head of SHA-256(tenant, zero byte, key)", () => {
    const digest = createHash("sha256").update("acme\u0000order-17", "utf8").digest();
    const made = makeRunId(0, digest.subarray(0, 10));
    expect(made).toBe("r00000000009kf14nm65ec3r4d0");
    expect(runIdTime(made)).toBe(0);
  });

  test.each([-1, 1.5, 2 ** 48, Number.NaN])("is not made of the time %d", (atMs) => {
    expect(() => makeRunId(atMs, new Uint8Array(10))).toThrow(AgentFlowError);
  });

  test("is not made of fewer than 10 random bytes", () => {
    expect(() => makeRunId(0, new Uint8Array(9))).toThrow(AgentFlowError);
  });
});

describe("the shard of a run", () => {
  test.each([
    [`r${"0".repeat(26)}`, "08"],
    ["r01hf7yat00zzzzzzzzzzzzzzzz", "47"],
    [`r${"z".repeat(26)}`, "52"],
  ])("%s is %s", (id, shard) => {
    expect(shardOfDigest(createHash("sha256").update(id).digest())).toBe(shard);
  });

  test("is one of 64, by the first 6 bits alone", () => {
    const all = Array.from({ length: 256 }, (_, byte) => shardOfDigest(Uint8Array.of(byte, 255)));
    expect(new Set(all).size).toBe(64);
    expect(all.every((shard) => isId("shard", shard))).toBe(true);
    expect([all[0], all[3], all[4], all[255]]).toEqual(["00", "00", "01", "63"]);
  });
});

test("a task id is split into what it was made of", () => {
  const parts = {
    tenant: parseId("tenant", "acme"),
    run: parseId("run", run),
    input: parseId("input", "start"),
    n: 12,
  };
  const task = makeTaskId(parts);
  expect(parseId("task", task)).toBe(`acme:${run}:start:12`);
  expect(splitTaskId(task)).toEqual(parts);
});

test("an instance is split into its step and its items", () => {
  const step = parseId("step", "inspect");
  const item = itemInstance(itemInstance(step, 3), 14);
  expect(parseId("step instance", item)).toBe("inspect~3~14");
  expect(splitInstance(item)).toEqual({ step: "inspect", items: [3, 14] });
  expect(splitInstance(parseId("step instance", "inspect"))).toEqual({ step: "inspect", items: [] });
});

function caught(action: () => unknown): AgentFlowError {
  try {
    action();
  } catch (error) {
    if (AgentFlowError.is(error)) return error;
  }
  throw new Error("nothing of ours was thrown");
}
