/** A control plane that is stopped while it takes shards up: the next one is not told more than was done. */
import { defaultTenant, parseId, type RunId } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../../engine.ts";
import { Kit } from "../fixtures/engine-kit.ts";
import { shardOf } from "../shard.ts";

let kit: Kit;
afterEach(() => kit.close());

async function start(engine: Engine, workflow: string): Promise<RunId> {
  for (;;) {
    const body = kit.body(workflow);
    const run = parseId("run", body.run);
    if (!engine.shards.includes(shardOf(run))) continue;
    await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
    return run;
  }
}

test("what it had no time to send is sent by whoever comes next", async () => {
  kit = new Kit(1, { polite: true });
  // Without a worker nothing is sent.
  const config = { releaseWithoutWorkers: 0 };
  const one = await kit.sharing("cp-1", { config });
  const bus = kit.bus.client("cp-2");
  const heads = bus.log.heads.bind(bus.log);
  let isTaking = false;
  const isStopping = Promise.withResolvers<void>();
  // What it has taken it begins to go through, and gets no further.
  bus.log.heads = async () => {
    if (isTaking && other.shards.length === 64) await isStopping.promise;
    return heads();
  };
  const other: Engine = await kit.sharing("cp-2", { config, bus });
  await kit.pass(1_000);
  await kit.register(one, "echo", { a: { uses: "tool:t.echo" } });
  await kit.register(one, "nap", { rest: { uses: "wait", with: { for: "1s" } } });
  const open: RunId[] = [];
  for (let n = 0; n < 5; n++) open.push(await start(one, "echo"));
  // The other has nothing open, and has handed on all that it wrote, up to here.
  const nap = await start(other, "nap");
  await kit.drive(other.runs.wait(defaultTenant, nap, { waitMs: 60_000 }));
  await kit.pass(1_000);
  isTaking = true;
  kit.bus.faults.crash("cp-1");
  while (other.shards.length < 64) await kit.world.time.advance(1);
  const stopping = other.stop();
  isStopping.resolve();
  await kit.drive(stopping);
  const next = await kit.sharing("cp-3", { config });
  kit.worker();
  const ends = open.map((run) => next.runs.wait(defaultTenant, run, { waitMs: 30_000 }));
  expect((await kit.drive(Promise.all(ends))).map(({ status }) => status)).toEqual(
    open.map(() => "completed"),
  );
});
