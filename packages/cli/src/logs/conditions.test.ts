import type { LogRecord } from "@agentflow/protocol";
import type { TelemetryQuery } from "@agentflow/sdk/client";
import { describe, expect, test } from "vitest";
import { asksForRuns, type Conditions, suits } from "./conditions.ts";

const at = "2026-01-31T12:00:00.000Z";
const record: LogRecord = {
  kind: "log",
  at,
  level: "info",
  source: "tool",
  name: "fetch-page",
  message: "page fetched",
  run: "r1",
};
const has = (word: string) => (text: string) => text.includes(word);

describe("a record is shown", () => {
  test.each<[string, Partial<Conditions>, boolean]>([
    ["without conditions", {}, true],
    ["of its level", { asked: { level: "info" } }, true],
    ["not below the level", { asked: { level: "warn" } }, false],
    ["of one of the sources", { asked: { source: "bus,tool" } }, true],
    ["not of others", { asked: { source: "bus" } }, false],
    ["of the run", { asked: { run: "r1" } }, true],
    ["not of another", { asked: { run: "r2" } }, false],
    ["of the tool", { asked: { tool: "fetch-page" } }, true],
    ["of the tool or the agent", { asked: { tool: "fetch-page", agent: "writer" } }, true],
    ["not of an agent that is called so", { asked: { agent: "fetch-page" } }, false],
    ["from then on", { asked: { since: at } }, true],
    ["not before", { asked: { since: "2026-01-31T13:00:00.000Z" } }, false],
    ["not at the end or later", { asked: { until: at } }, false],
    ["that matches", { match: has("fetched") }, true],
    ["not one that does not", { match: has("lost") }, false],
    ["not one that is excluded", { exclude: has("page") }, false],
  ])("%s", (_name, conditions, shown) => {
    expect(suits(record, { asked: {}, ...conditions })).toBe(shown);
  });
});

test.each<[TelemetryQuery, boolean, boolean]>([
  [{}, false, true],
  [{ source: "bus,control-plane" }, false, true],
  [{ source: "tool" }, true, false],
  [{ source: "bus" }, false, false],
  [{ source: "bus" }, true, true],
  [{ agent: "writer" }, true, false],
])("whether %j with bus %s asks for runs: %s", (asked, bus, wanted) => {
  expect(asksForRuns(asked, { bus })).toBe(wanted);
});
