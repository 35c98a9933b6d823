import type { RunView } from "@agentflow/protocol";
import { parseId } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { createOutput } from "../output/output.ts";
import { printTrace } from "./waterfall.ts";

const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 1) + seconds * 1_000).toISOString();

function trace(view: RunView): string[] {
  let text = "";
  const sink = { write: (some: string) => (text += some) };
  const options = { json: false, noColor: true, debug: false, environment: {}, stdout: sink, stderr: sink };
  printTrace(createOutput(options), { view, spans: [], nowMs: Date.parse(at(100)) });
  return text.split("\n");
}

test("an attempt that a kill of everything interrupted is drawn as lost, then waiting, then working", () => {
  const holder = { worker: parseId("worker", "local"), startedAt: at(0), seenAt: at(40) };
  const lines = trace({
    run: "r00000000000000000000000001",
    workflow: "w",
    version: "aaaaaaaaaaaa",
    build: "dev",
    status: "completed",
    revision: 9,
    codes: [],
    startedAt: at(0),
    endedAt: at(100),
    steps: [
      {
        step: "a",
        uses: "tool:t.work",
        status: "succeeded",
        startedAt: at(0),
        endedAt: at(100),
        attempts: [
          {
            attempt: 1,
            dispatchedAt: at(0),
            startedAt: at(80),
            endedAt: at(100),
            outcome: "succeeded",
            interruptions: [{ at: at(70), holder }],
          },
        ],
      },
    ],
  });
  const bar = lines.find((line) => line.includes("✓ a"))?.replaceAll(/[^░▒█]/g, "") ?? "";
  expect(bar.replaceAll(/(.)\1+/g, "$1")).toBe("▒░█");
  expect(bar.replaceAll(/[^▒]/g, "").length / bar.length).toBeCloseTo(0.4, 1);
  expect(bar.replaceAll(/[^█]/g, "").length / bar.length).toBeCloseTo(0.2, 1);
  const told = lines.filter((line) => line.includes("interrupted"));
  const what = "attempt 1 was interrupted on local, last heard of 30s before it was sent again at";
  expect(told).toEqual([`    ${what} ${at(70)}`]);
});
