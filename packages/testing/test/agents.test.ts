/** Agents of a project's folder on virtual time: the scripted model, people, and the memory of a session. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { type TestInstallation, testInstallation } from "../src/index.ts";

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const files = {
  "package.json": `{"type":"module"}`,
  "agentflow.yaml": `apiVersion: agentflow.dev/v1
kind: Project
name: desk
models:
  default: {provider: openai-compatible, model: "env://AF_MODEL?scripted", baseUrl: "env://AF_MODEL_URL?"}
`,
  "agents/clerk.yaml": `apiVersion: agentflow.dev/v1
kind: Agent
name: clerk
description: Answers customers
instructions: "You serve \${input.customer}."
prompt: "\${input.customer} asks."
tools: [desk.look]
memory: {session: "\${input.customer}", window: 4}
`,
  "tools/desk.ts": `import { defineTool } from "@agentflow/sdk";
import { z } from "zod";
export const look = defineTool({
  description: "Look something up",
  input: z.object({ what: z.string() }),
  output: z.any(),
  effect: "read",
  secrets: ["desk-key"],
  run: ({ what }, { secrets }) => ({ what, key: secrets.get("desk-key") }),
});
`,
  "prompts/script.yaml": `apiVersion: agentflow.dev/v1
kind: ModelScript
rules:
  - {when: {result: desk__look}, text: "It is there."}
  - {calls: [{tool: desk__look, input: {what: it}}]}
`,
  "workflows/serve.yaml": `apiVersion: agentflow.dev/v1
kind: Workflow
name: serve
steps:
  serve: {uses: "agent:clerk", with: {customer: "Ada"}}
output: "\${steps.serve.output}"
`,
};

async function open(secrets: { readonly [name: string]: string }): Promise<TestInstallation> {
  const dir = mkdtempSync(path.join(os.tmpdir(), "agentflow-testing-"));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
  symlinkSync(path.resolve(import.meta.dirname, "../../../node_modules"), path.join(dir, "node_modules"));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    writeFileSync(path.join(dir, file), text);
  }
  const af = await testInstallation({ dir, secrets });
  closers.push(() => af.close());
  return af;
}

test("an agent of a folder runs on the scripted model, with its tools and their secrets", async () => {
  const af = await open({ "desk-key": "sk-desk-1" });
  const first = await af.run("serve", {});
  expect(first).toMatchObject({ status: "completed", output: { text: "It is there." } });
  const view = await af.get(first.run);
  expect(view).toMatchObject({ usage: { modelCalls: 2, toolCalls: 1 } });
  expect(JSON.stringify([view, await af.events(first.run), af.logs()])).not.toContain("sk-desk-1");
  expect(await af.run("serve", {})).toMatchObject({ status: "completed" });
});

test("a secret that is missing is named, and how to set it", async () => {
  const af = await open({});
  const end = await af.run("serve", {});
  expect(end).toMatchObject({
    status: "failed",
    failure: { code: "unknown_secret", message: expect.stringContaining("af secrets set desk-key") },
  });
});
