import { parseId, type RunEventView } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { eventsOf } from "./history.ts";

const run = "r1";
const at = "2026-01-31T12:00:00.000Z";
const step = parseId("step instance", "pay");

test.each([0, 1, 999, 1_000, 1_001, 2_500])(
  "of %i events all come, and the place behind them",
  async (count) => {
    const all = Array.from({ length: count }, (_, n): RunEventView => {
      return { run, revision: n + 1, n: 0, event: { kind: "step_waiting", at, step, until: at } };
    });
    const events = async (_: string, { after = "0", limit = 0 }: { after?: string; limit?: number } = {}) => {
      const page = all.slice(Number(after), Number(after) + limit);
      return { events: page, cursor: String(Number(after) + page.length) };
    };
    const history = await eventsOf({ events }, run);
    expect(history).toEqual({ events: all, cursor: String(count) });
  },
);
