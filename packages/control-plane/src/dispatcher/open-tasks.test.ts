import { defaultTenant, parseId, type StepDefinition } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../engine.ts";
import { Kit } from "../orchestrator/fixtures/engine-kit.ts";

const one: Record<string, StepDefinition> = { a: { uses: "tool:t.echo", with: { x: "${input.x}" } } };
const other = parseId("tenant", "other");

let kit: Kit;
afterEach(() => kit.close());

async function start(engine: Engine, tenant = defaultTenant, x: string | number = 1) {
  const body = kit.body("one", { x });
  return kit.drive(engine.runs.start(tenant, body, { waitMs: 0 }).then(() => body.run));
}

test("who has as many open tasks as it may is refused, no other is, and room comes back", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine("engine-1", { openTasksMax: 5 });
  await kit.register(engine, "one", one);
  const definition = { apiVersion: "agentflow.dev/v1", kind: "Workflow", name: "one", steps: one } as const;
  await kit.drive(engine.registry.register(other, { definition, strict: false }));
  const body = kit.body("one", { x: 0 });
  await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
  for (let n = 1; n < 5; n++) await start(engine);
  const refused = { code: "limit_exceeded", reason: "too_many_open", details: { retryAfterMs: 1_000 } };
  await expect(start(engine)).rejects.toMatchObject(refused);
  await start(engine, other);
  // The same start again is no further run.
  const again = await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
  expect(again).toMatchObject({ repeated: true });
  await kit.drive(engine.runs.cancel(defaultTenant, parseId("run", body.run), { input: "c" }));
  await start(engine);
});

test("what is open is bounded by its bytes too: a big input counts for many small ones", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine("engine-1", { openTaskBytesMax: 100_000 });
  await kit.register(engine, "one", one);
  const text = "x".repeat(60_000);
  await start(engine, defaultTenant, text);
  await expect(start(engine, defaultTenant, text)).rejects.toMatchObject({ reason: "too_many_open" });
});
