import type { LogRecord } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { type Line, lineOf } from "./line.ts";
import { Merge } from "./merge.ts";

const t0 = Date.parse("2026-01-31T12:00:00.000Z");
const run = "r1";

interface Said {
  readonly run?: string;
  readonly step?: string;
}

/** What a worker said, by its own clock. */
function said(writer: string, ms: number, message: string, { run: of, step }: Said = {}): Line {
  const base: LogRecord = { ...at(ms), level: "info", source: "tool", writer, message };
  const place = step === undefined ? {} : { step, attempt: 1 };
  return lineOf({ ...base, ...(of === undefined ? {} : { run: of }), ...place });
}

function history(role: "begins" | "ends", ms: number, message: string, step?: string): Line {
  const place = step === undefined ? {} : { step, attempt: 1 };
  return { role, record: { ...at(ms), level: "info", source: "control-plane", run, message, ...place } };
}

function at(ms: number): { readonly kind: "log"; readonly at: string } {
  return { kind: "log", at: new Date(t0 + ms).toISOString() };
}

function order(lines: readonly Line[]): string[] {
  const merge = new Merge();
  for (const line of lines) merge.add(line);
  const out: string[] = [];
  merge.take(Number.POSITIVE_INFINITY, ({ record }) => out.push(record.message));
  return out;
}

describe("lines of many processes", () => {
  const cases: readonly (readonly [string, readonly Line[], readonly string[]])[] = [
    ["go by time", [said("a", 20, "a20"), said("b", 10, "b10"), said("c", 30, "c30")], ["b10", "a20", "c30"]],
    [
      "of one process stay in its order, also when its clock is set back",
      [said("a", 20, "first"), said("a", 5, "second"), said("b", 10, "b10")],
      ["b10", "first", "second"],
    ],
    [
      "go after the start of their run, also when a worker's clock is 5 s behind",
      [history("begins", 0, "started"), said("w", -4_990, "works", { run }), said("b", 5, "b5")],
      ["started", "works", "b5"],
    ],
    [
      "go before the end of their run, also when a worker's clock is 5 s ahead",
      [history("begins", 0, "started"), said("w", 5_010, "works", { run }), history("ends", 20, "ended")],
      ["started", "works", "ended"],
    ],
    [
      "go between dispatch and outcome of their attempt",
      [
        history("begins", 0, "started"),
        history("begins", 10, "one sent", "one"),
        history("ends", 30, "one done", "one"),
        history("begins", 31, "two sent", "two"),
        history("ends", 50, "two done", "two"),
        history("ends", 51, "ended"),
        said("w1", -3_000, "in one", { run, step: "one" }),
        said("w2", 9_000, "in two", { run, step: "two" }),
      ],
      ["started", "one sent", "in one", "one done", "two sent", "in two", "two done", "ended"],
    ],
    [
      "of a process whose clock is proved wrong are corrected, those of no run too",
      [
        said("w", -5_000, "loaded"),
        said("b", -10, "b-10"),
        said("b", 3, "b3"),
        history("begins", 0, "started"),
        said("w", -4_999, "works", { run }),
        history("ends", 10, "ended"),
        said("b", 20, "b20"),
        said("w", -4_950, "idle"),
      ],
      ["b-10", "loaded", "started", "works", "b3", "ended", "b20", "idle"],
    ],
    [
      "that come after the end of an attempt which was given up prove nothing of their clock",
      [
        history("begins", 0, "started"),
        said("w", 5, "works", { run }),
        said("w", 2_000, "still there", { run }),
        history("ends", 50, "ended"),
        said("b", 60, "b60"),
        said("w", 70, "w70"),
      ],
      ["started", "works", "b60", "still there", "ended", "w70"],
    ],
  ];
  test.each(cases)("%s", (_name, lines, wanted) => {
    expect(order(lines)).toEqual(wanted);
  });

  test("are all handed out when their causes contradict each other", () => {
    const other = {
      role: "begins",
      record: { ...history("begins", 0, "r2 started").record, run: "r2" },
    } as const;
    const end = history("ends", 5, "r1 ended");
    // The lines of one worker stand the other way round than the histories say.
    const lines = [said("w", 1, "of r2", { run: "r2" }), said("w", 2, "of r1", { run }), end, other];
    expect(order(lines).toSorted()).toEqual(["of r1", "of r2", "r1 ended", "r2 started"]);
  });
});

test("a line waits for those that may still come, and takes older ones with it", () => {
  const merge = new Merge();
  const out: string[] = [];
  const take = (nowMs: number): void => merge.take(nowMs, ({ record }) => out.push(record.message));
  merge.add(said("a", 20, "a20"), 100);
  take(50);
  expect(out).toEqual([]);
  merge.add(said("b", 10, "b10"), 150);
  merge.add(said("b", 30, "b30"), 150);
  take(100);
  expect(out).toEqual(["b10", "a20"]);
  expect(merge.nextDueMs).toBe(150);
  take(150);
  expect(out).toEqual(["b10", "a20", "b30"]);
  expect(merge.nextDueMs).toBeUndefined();
});
