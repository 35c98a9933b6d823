/** Dead letters of runs that another control plane owns, and of runs that nobody has in memory. */
import {
  defaultPool,
  defaultTenant,
  devBuild,
  parseId,
  prefixes,
  type RunId,
  subjects,
} from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../engine.ts";
import { Kit } from "../orchestrator/fixtures/engine-kit.ts";
import { shardOf } from "../orchestrator/shard.ts";

let kit: Kit;
afterEach(() => kit.close());

const sight = { tenant: undefined, reads: "all" } as const;
const all = { all: true } as const;

/** Starts a run of the engine's own shards and buries its task. */
async function buried(owner: Engine): Promise<RunId> {
  await kit.register(owner, "one", { a: { uses: "tool:t.a" } });
  let body = kit.body("one");
  while (!owner.shards.includes(shardOf(parseId("run", body.run)))) body = kit.body("one");
  await kit.drive(owner.runs.start(defaultTenant, body, { waitMs: 0 }));
  const stop = new AbortController();
  const subject = subjects.task({ tenant: defaultTenant, pool: defaultPool, build: devBuild });
  const take = { subjects: [subject], holder: "undertaker", slots: 1, leaseMs: 30_000, signal: stop.signal };
  const deliveries = kit.bus.client("undertaker").queue.take(take)[Symbol.asyncIterator]();
  const first = await kit.drive(deliveries.next());
  if (first.done === true) throw new Error("nothing to bury");
  await kit.drive(first.value.bury("not_a_task"));
  stop.abort();
  await kit.drive(deliveries.next());
  return parseId("run", body.run);
}

const queued = async (): Promise<number> => {
  const tasks = await kit.drive(kit.bus.queue.peek({ subject: prefixes.tasks(), limit: 10 }));
  return tasks.length;
};

test("the owner of its shard sends the task again, whichever control plane is asked", async () => {
  kit = new Kit(7, { polite: true });
  const one = await kit.sharing("cp-1");
  const other = await kit.sharing("cp-2");
  await kit.pass(2_000);
  const run = await buried(other);
  expect(await queued()).toBe(0);
  const { items } = await kit.drive(one.bus.redrive(sight, all));
  expect(items).toMatchObject([{ run, step: "a", outcome: "sent" }]);
  await kit.pass(500);
  expect(await queued()).toBe(1);
  // A second time changes nothing: it lies there.
  const again = await kit.drive(one.bus.redrive(sight, all));
  expect(again.items).toMatchObject([{ run, outcome: "queued" }]);
  kit.worker();
  const end = await kit.drive(one.runs.wait(defaultTenant, run, { waitMs: 60_000 }));
  expect(end).toMatchObject({ status: "completed" });
  const { items: after } = await kit.drive(one.bus.dead(sight, { limit: 10 }));
  expect(after).toMatchObject([{ run, state: "settled" }]);
});

test("a task is sent again also after its owner began anew", async () => {
  kit = new Kit(8, { polite: true });
  const first = await kit.engine("engine-1");
  const run = await buried(first);
  await kit.drive(first.stop());
  const second = await kit.engine("engine-1");
  await kit.pass(200);
  const { items } = await kit.drive(second.bus.redrive(sight, all));
  expect(items).toMatchObject([{ run, outcome: expect.stringMatching(/^(sent|queued)$/) }]);
  await kit.pass(500);
  expect(await queued()).toBe(1);
});
