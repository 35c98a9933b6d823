import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";
import { testInstallation } from "@agentflow/testing";
import { greet } from "../tools/hello.ts";

// The whole installation in memory, on virtual time: no server, no port, no waiting.
const dir = path.resolve(import.meta.dirname, "..");

test("a run greets by name and the agent answers", async () => {
  await using af = await testInstallation({ dir });
  const run = await af.run("hello", { name: "Ada" });
  assert.deepEqual(run.output, { lines: ["Hello, Ada!", "Nice to meet you."] });
});

test("a crash in the middle loses nothing", async () => {
  await using af = await testInstallation({ dir });
  const run = await af.start("hello", {});
  af.killRunner();
  await af.restartControlPlane();
  assert.equal((await run.ended()).status, "completed");
});

test("an input that does not match is refused at the door", async () => {
  await using af = await testInstallation({ dir });
  await assert.rejects(af.run("hello", { name: "" }), { code: "invalid_input" });
});

test("an empty name is refused before the tool runs", () => {
  assert.equal(greet.options.input.safeParse({ name: "" }).success, false);
});
