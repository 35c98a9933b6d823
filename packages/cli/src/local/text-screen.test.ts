import type { LogRecord } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { textScreen } from "./text-screen.ts";

const line = (source: LogRecord["source"], message: string, second = 0): LogRecord => ({
  kind: "log",
  at: `2026-01-31T12:00:0${second}.000Z`,
  level: "info",
  source,
  message,
});

function screen(logs: boolean): { lines: string[]; screen: ReturnType<typeof textScreen> } {
  const lines: string[] = [];
  return {
    lines,
    screen: textScreen({ write: (text) => void lines.push(text), logs, json: false, debug: false }),
  };
}

test("what user code prints is shown, all other logs only on request", () => {
  const quiet = screen(false);
  quiet.screen.logs([line("runner", "printed"), line("agent", "said"), line("control-plane", "run started")]);
  expect(quiet.lines).toEqual([expect.stringContaining("printed")]);
  const loud = screen(true);
  loud.screen.logs([line("runner", "printed"), line("agent", "said")]);
  expect(loud.lines).toHaveLength(2);
});

test("a flood of printed lines stops at fifty a second, says so once, and goes on in the next", () => {
  const { lines, screen: shown } = screen(false);
  shown.logs(Array.from({ length: 500 }, (_, n) => line("runner", `line ${n}`)));
  expect(lines).toHaveLength(51);
  expect(lines.at(-1)).toContain("af logs -f");
  shown.logs([line("runner", "later", 1)]);
  expect(lines.at(-1)).toContain("later");
});
