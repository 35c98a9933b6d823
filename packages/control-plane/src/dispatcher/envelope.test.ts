import {
  type DispatchTask,
  type Task,
  defaultPool,
  defaultTenant,
  devBuild,
  makeRunId,
  makeTaskId,
  parseId,
  subjects,
} from "@agentflow/protocol";
import { expect, test } from "vitest";
import { makeRunRef } from "../orchestrator/run-ref.ts";
import { envelope } from "./envelope.ts";
import { Lane } from "./lane.ts";

const run = makeRunId(0, new Uint8Array(10));
const queue = { tenant: defaultTenant, pool: defaultPool, build: devBuild };
const input = parseId("input", "start");

function bodyOf(of: Partial<DispatchTask>): Task {
  const command: DispatchTask = {
    kind: "dispatch_task",
    input,
    n: 0,
    step: parseId("step instance", "think"),
    attempt: 2,
    uses: { kind: "agent", name: parseId("agent", "main") },
    with: { inline: {} },
    effect: "write",
    pool: defaultPool,
    ...of,
  };
  const id = makeTaskId({ tenant: defaultTenant, run, input, n: 0 });
  const { body } = envelope(
    {
      ref: makeRunRef(defaultTenant, run),
      id,
      command,
      context: { workflow: "w", build: devBuild },
      lane: new Lane({ ...queue, subject: subjects.task(queue) }),
      revision: 1,
      bytes: 1,
      order: 1,
      sinceMs: 0,
      state: "waiting",
      sentMs: 0,
    },
    0,
  );
  return JSON.parse(body);
}

test("what people said and what a step may use up go with its task", () => {
  const answers = [
    {
      kind: "approval",
      call: "think/1-1",
      at: "2026-01-01T00:00:00.000Z",
      approved: true,
      how: "person",
      hash: "h",
    },
  ] as const;
  const budget = { tokens: 100, usd: "0.5" };
  expect(bodyOf({ answers, budget })).toMatchObject({ answers, budget });
  expect(Object.keys(bodyOf({}))).not.toContain("answers");
});
