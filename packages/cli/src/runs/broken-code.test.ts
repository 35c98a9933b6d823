import { type WorkerView, defaultPool, defaultTenant, devBuild, parseId } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { render } from "../output/text.ts";
import { brokenCode } from "./broken-code.ts";

const ready: WorkerView = {
  v: 1,
  kind: "worker",
  worker: parseId("worker", "w1"),
  tenant: defaultTenant,
  pool: defaultPool,
  build: devBuild,
  slots: 8,
  host: "here",
  pid: 1,
  since: "2026-01-31T12:00:00.000Z",
  seenAt: "2026-01-31T12:00:00.000Z",
  state: "ready",
  busy: [],
  alive: true,
};
const problem = { message: "Expected ','", file: "tools/pay.ts", line: 3, column: 9 };
const manifest = { v: 1, kind: "manifest", code: "a", tools: [], agents: [], workflows: [] } as const;

async function told(...items: WorkerView[]): Promise<string | undefined> {
  const text = await brokenCode({ workers: { list: () => Promise.resolve({ items }) } });
  return text === undefined ? undefined : render(text, false);
}

test("who starts a run while the saved code does not load is told where, and what runs instead", async () => {
  const place = "! tools/pay.ts:3:9  does not load: Expected ','";
  expect(await told(ready, { ...ready, state: "broken", problem, manifest })).toBe(
    `${place} · the code from before serves`,
  );
  expect(await told({ ...ready, state: "broken", problem })).toBe(`${place} · no code serves: the run waits`);
});

test("nothing is said while all is well, of a dead worker, or where none may be listed", async () => {
  expect(await told(ready)).toBeUndefined();
  expect(await told({ ...ready, alive: false, problem })).toBeUndefined();
  const list = (): Promise<never> => Promise.reject(new Error("forbidden"));
  expect(await brokenCode({ workers: { list } })).toBeUndefined();
});
