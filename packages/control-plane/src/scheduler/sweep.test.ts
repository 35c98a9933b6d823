import { defaultTenant, parseId, type StepDefinition, type TenantId } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../engine.ts";
import { Kit } from "../orchestrator/fixtures/engine-kit.ts";

const one: Record<string, StepDefinition> = { a: { uses: "tool:t.echo", with: { x: 1 } } };
const noisy = parseId("tenant", "a-noisy-one");
const quiet = parseId("tenant", "quiet");

let kit: Kit;
afterEach(() => kit.close());

async function start(engine: Engine, tenant: TenantId, count: number): Promise<void> {
  const definition = { apiVersion: "agentflow.dev/v1", kind: "Workflow", name: "one", steps: one } as const;
  await kit.drive(engine.registry.register(tenant, { definition, strict: false }));
  const starts = Array.from({ length: count }, () => {
    return engine.runs.start(tenant, kit.body("one"), { waitMs: 0 });
  });
  await kit.drive(Promise.all(starts));
}

test("open runs of several tenants are taken up in turn, not one tenant after the other", async () => {
  kit = new Kit(1, { polite: true });
  const first = await kit.engine("engine-1");
  await start(first, noisy, 1_200);
  await start(first, quiet, 300);
  await start(first, defaultTenant, 10);
  await kit.drive(first.stop());
  const read: string[] = [];
  const bus = kit.bus.client("engine-2");
  const log: typeof bus.log = {
    ...bus.log,
    append: (...of) => bus.log.append(...of),
    tail: (...of) => bus.log.tail(...of),
    head: (...of) => bus.log.head(...of),
    purge: (...of) => bus.log.purge(...of),
    read: (subject, options) => {
      if (subject.includes(".run.")) read.push(subject.split(".")[3] ?? "");
      return bus.log.read(subject, options);
    },
  };
  const second = await kit.sharing("engine-2", { bus: { ...bus, log } });
  await kit.pass(20_000);
  expect(read.length).toBe(1_510);
  // A page of each tenant, and again: 256 of the first, then all of the default's and the quiet one's first.
  expect(read.slice(0, 522).filter((tenant) => tenant === defaultTenant).length).toBe(10);
  expect(read.slice(0, 570).filter((tenant) => tenant === quiet).length).toBeGreaterThanOrEqual(256);
  expect((await kit.drive(second.status({ tenant: noisy }))).runs).toMatchObject({ running: 1_200 });
});
