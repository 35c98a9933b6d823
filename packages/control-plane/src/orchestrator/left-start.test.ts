import { defaultTenant, parseId } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import { Kit } from "./fixtures/engine-kit.ts";

let kit: Kit;
afterEach(() => kit.close());

test("a client that left before its start was begun is not waited for in its place", async () => {
  kit = new Kit(1, { polite: true });
  const first = await kit.engine("engine-1");
  await kit.register(first, "nap", { rest: { uses: "wait", with: { for: "1h" } } });
  await kit.drive(first.stop());
  // It has to read the workflow first.
  const engine = await kit.engine("engine-2", { waitersMax: 1 });
  const body = kit.body("nap");
  const gone = new AbortController();
  const left = engine.runs.start(defaultTenant, body, { waitMs: 60_000, signal: gone.signal });
  gone.abort();
  await expect(left).rejects.toMatchObject({ reason: "wait_ended" });
  await kit.pass(500);
  const waited = engine.runs.wait(defaultTenant, parseId("run", body.run), { waitMs: 1_000 });
  expect(await kit.drive(waited)).toMatchObject({ status: "running" });
});
