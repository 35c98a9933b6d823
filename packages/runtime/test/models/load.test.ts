/** Agents whose work a model does: loaded from YAML and from code, and each fault with its place. */
import type { LoadProblem, Manifest } from "@agentflow/protocol";
import { manifestSchema } from "@agentflow/protocol/schema";
import { symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { codeHash, loadProblem, loadProject } from "../../src/index.ts";
import { type Scratch, scratchProject, toolFile } from "../scratch-project.ts";

const scratches: Scratch[] = [];
afterEach(() => {
  for (const scratch of scratches.splice(0)) scratch.remove();
});

function project(files: { readonly [file: string]: string }): Scratch {
  const scratch = scratchProject({ "agentflow.yaml": projectFile, ...files });
  scratches.push(scratch);
  return scratch;
}

async function loaded(files: { readonly [file: string]: string }): Promise<Manifest> {
  const { manifest } = await loadProject(project(files).dir);
  expect(manifestSchema.safeParse(manifest).error).toBeUndefined();
  return manifest;
}

async function problemOf(files: { readonly [file: string]: string }): Promise<LoadProblem> {
  const { dir } = project(files);
  const error: unknown = await loadProject(dir).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeDefined();
  return loadProblem(error, dir);
}

const projectFile = `apiVersion: agentflow.dev/v1
kind: Project
name: shop
models:
  default: {provider: scripted, model: scripted}
  small: {provider: openai, model: gpt-4o-mini, apiKey: "secret://model-key", fallbacks: [default]}
pools:
  default: {concurrency: 2}
`;

const agentFile = `apiVersion: agentflow.dev/v1
kind: Agent
name: sorter
description: Sorts tickets
model: small
instructions: {file: prompts/sorter.md}
prompt: "\${input.ticket}"
input: {type: object, properties: {ticket: {type: string}}}
output: {type: object, properties: {kind: {type: string}}, required: [kind]}
tools:
  - work.go
  - {use: mail.go, approval: always, expires: 2h}
limits: {tokens: 5000, time: 3m}
memory: {session: "\${input.customer}", summary: true}
temperature: 0.1
`;

test("an agent in YAML is in the manifest with all that its loop needs", async () => {
  const manifest = await loaded({
    "agents/sorter.yaml": agentFile,
    "prompts/sorter.md": "Sort it.",
    "tools/work.ts": toolFile("return n;"),
    "tools/mail.ts": toolFile(
      "return n;",
      `effect: "irreversible", secrets: ["mail-key"], approval: "always"`,
    ),
  });
  expect(manifest.agents).toEqual([
    {
      name: "sorter",
      description: "Sorts tickets",
      effect: "write",
      file: "agents/sorter.yaml",
      input: { type: "object", properties: { ticket: { type: "string" } } },
      output: { type: "object", properties: { kind: { type: "string" } }, required: ["kind"] },
      agent: {
        model: "small",
        instructions: "Sort it.",
        prompt: "${input.ticket}",
        tools: [{ tool: "work.go" }, { tool: "mail.go", approval: "always", expiresMs: 7_200_000 }],
        agents: [],
        handoffs: [],
        limits: { turns: 20, tokens: 5000, timeMs: 180_000 },
        memory: { session: "${input.customer}", window: 20, summary: true },
        temperature: 0.1,
      },
    },
  ]);
  expect(manifest.models?.["small"]).toMatchObject({ apiKey: "secret://model-key", fallbacks: ["default"] });
  expect(manifest.tools.find(({ name }) => name === "mail.go")).toMatchObject({
    secrets: ["mail-key"],
    approval: "always",
  });
});

const agentCode = `import { defineAgent, uses } from "@agentflow/sdk";
import { z } from "zod";
import { go } from "../tools/work.ts";
export default defineAgent({
  description: "Sorts tickets",
  instructions: "Sort it.",
  input: z.object({ ticket: z.string() }),
  output: z.object({ kind: z.enum(["a", "b"]) }),
  tools: [uses("tool:work.go", go), { use: "work.go", approval: "always" }],
  agents: ["helper"],
});
`;
const helper = `apiVersion: agentflow.dev/v1
kind: Agent
name: helper
description: Helps
instructions: Help.
`;

test("an agent in code without run is the same as one in YAML", async () => {
  const manifest = await loaded({
    "agents/sorter.ts": agentCode,
    "agents/helper.yaml": helper,
    "tools/work.ts": toolFile("return n;", `effect: "read"`),
  });
  const [sorter, other] = manifest.agents;
  expect(sorter).toMatchObject({
    name: "sorter",
    // Neither its tool nor its helper writes.
    effect: "read",
    file: "agents/sorter.ts",
    output: { properties: { kind: { enum: ["a", "b"] } } },
    agent: {
      model: "default",
      instructions: "Sort it.",
      tools: [{ tool: "work.go" }, { tool: "work.go", approval: "always" }],
      agents: ["helper"],
    },
  });
  expect(other).toMatchObject({ name: "helper", effect: "read" });
  expect(other).not.toHaveProperty("input");
  expect(other).not.toHaveProperty("output");
});

test("a project without such agents is told of no models", async () => {
  expect(await loaded({ "tools/work.ts": toolFile("return n;") })).not.toHaveProperty("models");
});

test.each<[what: string, files: { readonly [file: string]: string }, problem: Partial<LoadProblem>]>([
  [
    "text that is no YAML",
    { "agents/sorter.yaml": "kind: Agent\nname: [oops\n" },
    { file: "agents/sorter.yaml", line: 3, message: expect.stringContaining("not YAML") },
  ],
  [
    "a key that is not known",
    { "agents/sorter.yaml": `${helper.replace("helper", "sorter")}tool: [a.b]\n` },
    { file: "agents/sorter.yaml", message: expect.stringContaining("tool") },
  ],
  [
    "a value of the wrong kind, with its line",
    { "agents/sorter.yaml": `${helper.replace("helper", "sorter")}limits: {turns: many}\n` },
    { file: "agents/sorter.yaml", line: 6, column: 17, message: expect.stringContaining("limits.turns") },
  ],
  [
    "a name that is not the file's",
    { "agents/sorter.yaml": helper },
    { file: "agents/sorter.yaml", line: 3, message: expect.stringContaining("helper") },
  ],
  [
    "instructions that are not there",
    { "agents/sorter.yaml": agentFile },
    { file: "agents/sorter.yaml", line: 6, message: expect.stringContaining("prompts/sorter.md") },
  ],
  [
    "instructions outside the project",
    { "agents/sorter.yaml": agentFile.replace("prompts/sorter.md", "../../etc/passwd") },
    { file: "agents/sorter.yaml", line: 6, message: expect.stringContaining("not below the project") },
  ],
  [
    "instructions that are too long",
    { "agents/sorter.yaml": agentFile, "prompts/sorter.md": "x".repeat(256 * 1024 + 1) },
    { file: "agents/sorter.yaml", message: expect.stringContaining("over 256 KiB") },
  ],
  [
    "two files of one name",
    { "agents/helper.yaml": helper, "agents/helper.ts": agentCode, "tools/work.ts": toolFile("return n;") },
    { file: "agents/helper.yaml", message: expect.stringContaining("agents/helper.ts") },
  ],
  [
    "a model whose key is in the clear",
    {
      "agents/helper.yaml": helper,
      "agentflow.yaml": projectFile.replace("secret://model-key", "sk-123"),
    },
    { file: "agentflow.yaml", line: 6, message: expect.stringContaining("in the clear") },
  ],
  [
    "an agent in code with a fault",
    {
      "agents/sorter.ts": agentCode.replace(
        `instructions: "Sort it.",`,
        `instructions: "Sort it.", limits: { turns: 0 },`,
      ),
      "tools/work.ts": toolFile("return n;"),
    },
    { file: "agents/sorter.ts", line: 4, message: expect.stringContaining("limits.turns") },
  ],
  [
    "an agent in code with neither run nor instructions",
    {
      "agents/sorter.ts": agentCode.replace(`instructions: "Sort it.",`, ""),
      "tools/work.ts": toolFile("return n;"),
    },
    { file: "agents/sorter.ts", line: 4, message: expect.stringContaining("neither run nor instructions") },
  ],
  [
    "a tool whose secrets are no names",
    { "tools/work.ts": toolFile("return n;", `effect: "read", secrets: "MAIL_KEY"`) },
    { file: "tools/work.ts", line: 3, message: expect.stringContaining("secrets") },
  ],
])("%s is a problem with its place", async (_, files, problem) => {
  expect(await problemOf(files)).toMatchObject(problem);
});

test("a link that leads out of the project is not read as instructions", async () => {
  const outside = project({});
  writeFileSync(path.join(outside.dir, "secret.md"), "secret");
  const inside = project({ "agents/sorter.yaml": agentFile, "prompts/other.md": "" });
  symlinkSync(path.join(outside.dir, "secret.md"), path.join(inside.dir, "prompts/sorter.md"));
  const error: unknown = await loadProject(inside.dir).catch((thrown: unknown) => thrown);
  expect(loadProblem(error, inside.dir).message).toContain("leads out of the project");
});

test("another model, prompt or agent is other code; other pools are not", () => {
  const { dir, write } = project({ "agents/helper.yaml": helper, "prompts/p.md": "a" });
  const seen = new Set([codeHash(dir)]);
  write("agentflow.yaml", projectFile.replace("concurrency: 2", "concurrency: 3"));
  expect(seen.has(codeHash(dir))).toBe(true);
  write("agentflow.yaml", projectFile.replace("gpt-4o-mini", "gpt-4o"));
  seen.add(codeHash(dir));
  write("prompts/p.md", "b");
  seen.add(codeHash(dir));
  write("agents/helper.yaml", `${helper}temperature: 1\n`);
  seen.add(codeHash(dir));
  expect(seen.size).toBe(4);
});
