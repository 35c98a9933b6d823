/** Tenants beside each other on several control planes: who passes on waits for no one who passes on. */
import { defaultTenant, parseId, type StartRunBody } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../../engine.ts";
import { Kit } from "../fixtures/engine-kit.ts";
import { shardOf } from "../shard.ts";

let kit: Kit;
afterEach(() => kit.close());

const beside = parseId("tenant", "beside");

test("two that pass on starts to each other are done with them at once", async () => {
  kit = new Kit(1, { polite: true });
  const config = { fairInFlight: 2 };
  const one = await kit.sharing("cp-1", { config });
  const other = await kit.sharing("cp-2", { config });
  await kit.pass(1_000);
  await kit.register(one, "nap", { rest: { uses: "wait", with: { for: "1h" } } });
  await kit.pass(200);
  const ofOther = (engine: Engine): StartRunBody => {
    for (;;) {
      const body = kit.body("nap");
      if (engine.shards.includes(shardOf(parseId("run", body.run)))) return body;
    }
  };
  const start = (at: Engine, owner: Engine) => at.runs.start(defaultTenant, ofOther(owner), { waitMs: 0 });
  // Somebody else asks too: so each control plane lets in no more than two of the tenant's.
  const neighbours = [one, other].map((at) => at.runs.start(beside, kit.body("nap"), { waitMs: 0 }));
  for (const neighbour of neighbours) neighbour.catch(() => undefined);
  const starts = Array.from({ length: 4 }, () => [start(one, other), start(other, one)]).flat();
  const answers = await kit.drive(Promise.all(starts), 1_000);
  expect(answers.map(({ status }) => status)).toEqual(starts.map(() => "running"));
});
