import type { Manifest } from "@agentflow/protocol";
import { expect, test } from "vitest";
import type { Call } from "../channel/runner-messages.ts";
import type { RunnerNote } from "../channel/supervisor-messages.ts";
import { cleanRunner } from "./clean-runner.ts";
import type { Runner } from "./runner-port.ts";

const manifest: Manifest = {
  v: 1,
  kind: "manifest",
  code: "0123456789ab",
  tools: [],
  agents: [],
  workflows: [],
};

const call: Call = {
  kind: "tool",
  name: "work.go",
  input: null,
  run: "r",
  workflow: "w",
  step: "s",
  attempt: 1,
  callId: "c",
};

function fake(pid: number, log: string[]): Runner {
  const exited = Promise.withResolvers<string>();
  return {
    pid,
    loaded: Promise.resolve({ manifest }),
    exited: exited.promise,
    call: async () => {
      log.push(`call ${pid}`);
      return { kind: "lost", reason: "" };
    },
    stop: () => {},
    inspect: () => {},
    retire: () => void log.push(`retire ${pid}`),
    kill: (reason) => {
      log.push(`kill ${pid}`);
      exited.resolve(reason);
    },
  };
}

function started(dirty: number) {
  const log: string[] = [];
  const notes: RunnerNote[] = [];
  let pid = 0;
  const runner = cleanRunner({
    start: () => fake(++pid, log),
    learn: () => pid <= dirty,
    note: (note) => notes.push(note),
  });
  return { runner, log, notes };
}

test("a runner whose environment held no secret serves as it is", async () => {
  const { runner, log, notes } = started(0);
  expect(await runner.loaded).toEqual({ manifest });
  await runner.call(call, () => {});
  runner.kill("over");
  expect(await runner.exited).toBe("over");
  expect({ log, notes, pid: runner.pid }).toEqual({ log: ["call 1", "kill 1", "kill 1"], notes: [], pid: 1 });
});

test("one whose code names a variable that it has is replaced before it is called", async () => {
  const { runner, log, notes } = started(1);
  expect(await runner.loaded).toEqual({ manifest });
  await runner.call(call, () => {});
  runner.retire();
  runner.kill("over");
  expect(await runner.exited).toBe("over");
  expect(log).toEqual(["kill 1", "call 2", "retire 2", "kill 1", "kill 2"]);
  expect(notes).toMatchObject([
    { pid: 2, state: "started" },
    { pid: 1, state: "exited" },
  ]);
  expect(runner.pid).toBe(2);
});
