import { AgentFlowError, type ErrorCode } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { openBusPatiently } from "./service.ts";

/** Fails with these, one after the other, and then is open. */
async function opened(
  codes: readonly ErrorCode[],
): Promise<{ readonly tries: number; readonly lines: number }> {
  const [{ createLog }, { virtualWorld }] = await Promise.all([
    import("@agentflow/host/log"),
    import("@agentflow/host/virtual"),
  ]);
  const world = virtualWorld(1);
  const lines: string[] = [];
  const log = createLog({
    source: "control-plane",
    clock: world.clock,
    outputs: [{ write: (line) => void lines.push(line) }],
  });
  let tries = 0;
  const over = { isOver: false };
  const opening = openBusPatiently(
    async () => {
      const code = codes[tries++];
      if (code !== undefined) throw new AgentFlowError(code, "not now");
    },
    { world, log, signal: new AbortController().signal },
  );
  const ended = opening.finally(() => {
    over.isOver = true;
  });
  ended.catch(() => undefined);
  while (!over.isOver) {
    await new Promise((resolve) => setImmediate(resolve));
    await world.time.advance(100);
  }
  await opening;
  return { tries, lines: lines.length };
}

test("a bus that is not there, or does not answer in time, is waited for, and each try is said", async () => {
  expect(await opened(["unavailable", "timeout", "timeout"])).toEqual({ tries: 4, lines: 3 });
});

test("a refusal is not waited for", async () => {
  await expect(opened(["unavailable", "refused"])).rejects.toMatchObject({ code: "refused" });
});
