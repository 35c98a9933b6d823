import { AgentFlowError } from "@agentflow/protocol";
import { afterEach, expect, test, vi } from "vitest";
import { failStart } from "./failed.ts";

afterEach(() => vi.restoreAllMocks());

async function failed(thrown: unknown): Promise<{ line: unknown; stderr: string; exitCode: number }> {
  const [{ createLog }, { createStop }, { virtualWorld }] = await Promise.all([
    import("@agentflow/host/log"),
    import("@agentflow/host/stop"),
    import("@agentflow/host/virtual"),
  ]);
  const { time } = virtualWorld();
  const lines: string[] = [];
  const log = createLog({
    source: "control-plane",
    clock: time,
    outputs: [{ write: (line) => void lines.push(line) }],
  });
  let stderr = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    stderr += String(text);
    return true;
  });
  const stop = createStop({ timers: time, log });
  const says = failStart(thrown, { says: "the server could not start", log, stop });
  await time.runUntilIdle();
  await says;
  const [line = "{}"] = lines;
  return { line: JSON.parse(line), stderr, exitCode: (await stop.done).exitCode };
}

test("a start that fails says why and what to do, in the log and on stderr, and exits so", async () => {
  const fixed = new AgentFlowError("refused", "this installation was made with 4 logs, not 2", {
    reason: "logs_fixed",
    suggestions: ["leave the number out, or say 4"],
  });
  const { line, stderr, exitCode } = await failed(fixed);
  const words = { why: fixed.message, next: fixed.suggestions, error: { reason: "logs_fixed" } };
  expect(line).toMatchObject({ level: "fatal", message: "the server could not start", fields: words });
  expect(stderr).toMatch(/made with 4 logs, not 2.*logs_fixed/);
  expect(stderr).toContain("leave the number out, or say 4");
  expect(exitCode).toBe(8);
});

test("what nobody foresaw is a bug, and says so", async () => {
  const { stderr, exitCode } = await failed(new TypeError("x is not a function"));
  expect(stderr).toContain("x is not a function");
  expect(exitCode).toBe(1);
});
