import { expect, test } from "vitest";
import { isTelemetryRecord } from "./index.ts";

const log = { kind: "log", at: "2026-01-01T00:00:00.000Z", level: "info", source: "tool", message: "m" };
const span = {
  kind: "span",
  trace: "",
  span: "s",
  name: "n",
  startedAt: "2026-01-01T00:00:00.000Z",
  ms: 1,
  ok: true,
};

test("records as we write them are records", () => {
  for (const record of [log, span, { ...log, run: "r", step: "s", attempt: 2, fields: { a: [1] } }]) {
    expect(isTelemetryRecord(record)).toBe(true);
  }
});

// One of these, stored, once ended each `af logs` with an error for as long as it was kept.
test.each([
  [{ ...log, level: "\u001b[2J" }],
  [{ ...log, level: "constructor" }],
  [{ ...log, source: "__proto__" }],
  [{ ...log, at: "soon" }],
  [{ ...log, message: 5 }],
  [{ ...log, fields: 5 }],
  [{ ...log, name: {} }],
  [{ ...log, attempt: "1" }],
  [{ ...span, ms: "\u001b" }],
  [{ ...span, ms: Number.NaN }],
  [{ ...span, ms: 1e300 }],
  [{ ...span, ms: -1 }],
  [{ ...span, ok: 1 }],
  [{ ...span, trace: undefined }],
  [{ ...span, startedAt: "+275760-09-13T00:00:00.000Z" }],
  [{ kind: "other" }],
  [[log]],
  [null],
])("%j is none", (record) => {
  expect(isTelemetryRecord(record)).toBe(false);
});
