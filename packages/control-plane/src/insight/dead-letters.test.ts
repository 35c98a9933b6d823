import type { Log, LogEntry } from "@agentflow/bus";
import { defaultPool, defaultTenant, makeRunId, makeTaskId, parseId, subjects } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { DeadLetters } from "./dead-letters.ts";

const count = 12_000;
const run = makeRunId(0, new Uint8Array(10));

function letter(number: number): LogEntry {
  const id = makeTaskId({ tenant: defaultTenant, run, input: parseId("input", "start"), n: number });
  const body = JSON.stringify({ v: 1, kind: "dead_letter", id, reason: "not_a_task", deliveries: 1 });
  const subject = subjects.dead({ tenant: defaultTenant, pool: defaultPool });
  return { subject, revision: number, atMs: number, body };
}

test("of very many dead letters the newest are shown, and that there are others", async () => {
  const log: Pick<Log, "head" | "tail"> = {
    head: async () => count,
    async *tail({ signal }) {
      for (let from = 0; from < count && !signal.aborted; from += 1_000) {
        yield Array.from({ length: 1_000 }, (_, i) => letter(from + i + 1));
      }
    },
  };
  const unused = (): never => {
    throw new Error("nobody asks how they stand");
  };
  const dead = new DeadLetters({
    log,
    queue: { peek: unused },
    histories: { read: unused },
    plans: { get: unused },
    workers: { list: unused },
  });
  const sight = { tenant: undefined, reads: "all" } as const;
  const { tasks, more } = await dead.find(sight, { limit: count });
  expect(tasks[0]?.newest.number).toBe(count);
  expect(tasks).toHaveLength(10_000);
  expect(more).toBe(true);
});
