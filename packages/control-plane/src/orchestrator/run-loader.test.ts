import type { Log } from "@agentflow/bus";
import { AgentFlowError, defaultTenant, parseId } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import { Kit } from "./fixtures/engine-kit.ts";
import { runSubject } from "./shard.ts";

let kit: Kit | undefined;
afterEach(() => kit?.close());

/** Refuses so many reads, for a reason that nobody knows. */
function refusing(log: Log, reads: { left: number }): Log {
  return {
    append: (subject, body, options) => log.append(subject, body, options),
    read: async (subject, options) => {
      if (reads.left-- > 0) throw new AgentFlowError("internal", "not now", { reason: "nats_refused" });
      return log.read(subject, options);
    },
    tail: (options) => log.tail(options),
    lanes: log.lanes,
    head: (prefix) => log.head(prefix),
    heads: () => log.heads(),
    subjects: (prefix) => log.subjects(prefix),
    purge: (subject, options) => log.purge(subject, options),
  };
}

test("a log that refuses to be read parks no run: it is read until it answers", async () => {
  const made = new Kit(1, { polite: true });
  kit = made;
  const reads = { left: 0 };
  const client = made.bus.client("a");
  const engine = await made.sharing("a", { bus: { ...client, log: refusing(client.log, reads) } });
  await made.register(engine, "one", { only: { uses: "tool:t.echo", with: { x: "${input.x}" } } });
  const body = made.body("one", { x: 1 });
  const run = parseId("run", body.run);
  const { revision } = await made.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
  // Somebody else writes to it, so that it has to be read before anything is decided.
  const refusal = { v: 1, kind: "commit", inputs: [], events: [], commands: [] };
  const subject = runSubject(defaultTenant, run);
  reads.left = 3;
  await made.drive(made.bus.log.append(subject, JSON.stringify(refusal), { expect: revision }));
  made.worker();
  const ended = await made.drive(engine.runs.wait(defaultTenant, run, { waitMs: 60_000 }));
  expect(reads.left).toBeLessThan(0);
  expect(ended.status).toBe("completed");
});
