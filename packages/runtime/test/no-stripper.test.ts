import { EventEmitter } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { TypeStripper } from "../src/strip/type-stripper.ts";
import { type Scratch, scratchProject, toolFile } from "./scratch-project.ts";

const opened: Scratch[] = [];

afterEach(() => {
  for (const scratch of opened.splice(0)) scratch.remove();
});

// As Node gives it when no descriptors are left: without pipes, the reason a moment later.
vi.mock("node:child_process", () => ({
  spawn: () => {
    const child = new EventEmitter();
    process.nextTick(() => child.emit("error", new Error("spawn EMFILE")));
    return child;
  },
}));

// The reason was a rejection that nobody handled, which ends a process.
test("without a process to take types off with, the runner gets none and nothing else happens", async () => {
  const scratch = scratchProject({ "tools/work.ts": toolFile("return n;") });
  opened.push(scratch);
  expect(await new TypeStripper(scratch.dir).strip()).toEqual({});
  await delay(10);
});
