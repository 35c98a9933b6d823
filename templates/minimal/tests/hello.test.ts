import assert from "node:assert/strict";
import test from "node:test";
import type { CallContext } from "@agentflow/sdk";
import greeter from "../agents/greeter.ts";
import { greet, shout } from "../tools/hello.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** What a tool or an agent gets beside its input. */
const context: CallContext = {
  signal: new AbortController().signal,
  log: silent,
  callId: "test",
  run: "test",
  workflow: "hello",
  step: "test",
  attempt: 1,
  projectDir: ".",
  secrets: { get: (name) => assert.fail(`no secret ${name} in this test`) },
  span: async (_name, work) => await work(),
};

test("greet greets by name", async () => {
  assert.deepEqual(await greet.options.run({ name: "Ada" }, context), { text: "Hello, Ada!" });
});

test("an empty name is refused before the tool runs", () => {
  assert.equal(greet.options.input.safeParse({ name: "" }).success, false);
});

test("the greeter answers in the tone in which it was greeted", async () => {
  const tones = [];
  for (const tool of [greet, shout]) {
    const { text } = await tool.options.run({ name: "Ada" }, context);
    tones.push((await greeter.options.run({ greeting: text }, context)).reply);
  }
  assert.deepEqual(tones, ["Nice to meet you.", "NO NEED TO SHOUT."]);
});
