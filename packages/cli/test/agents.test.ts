/** What `af validate` and `af model list` say of agents and models. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Ran, runAf } from "./run-af.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "af-agents-"));
  symlinkSync(path.resolve(import.meta.dirname, "../../../node_modules"), path.join(folder, "node_modules"));
  for (const [file, text] of Object.entries(sound)) write(file, text);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const af = (...args: string[]): Promise<Ran> => runAf(args, { cwd: folder });

function write(file: string, text: string): void {
  const target = path.join(folder, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}

const head = "apiVersion: agentflow.dev/v1\n";
const projectFile = `${head}kind: Project
name: shop
models:
  default: {provider: scripted, model: scripted, fallbacks: [small]}
  small:
    provider: openai
    model: gpt-4o-mini
    baseUrl: "http://me:hidden@localhost:4000/v1"
    price: {input: 1, output: 2}
`;
const sorter = `${head}kind: Agent
name: sorter
description: Sorts tickets
instructions: {file: prompts/sorter.md}
prompt: "\${input.ticket}"
input: {type: object, properties: {ticket: {type: string}}, required: [ticket], additionalProperties: false}
output: {type: object, properties: {kind: {type: string}}, required: [kind]}
tools: [{use: mail.send, approval: always}]
agents: [helper]
`;
const helper = `${head}kind: Agent\nname: helper\ndescription: Helps\ninstructions: Help.\n`;
const sound: { readonly [file: string]: string } = {
  "package.json": `{"type":"module"}`,
  "agentflow.yaml": projectFile,
  "agents/sorter.yaml": sorter,
  "agents/helper.yaml": helper,
  "prompts/sorter.md": "Sort it.\nFor ${input.ticket}.\n",
  "tools/mail.ts": `import { defineTool } from "@agentflow/sdk";
import { z } from "zod";
export const send = defineTool({
  description: "Send a mail", input: z.object({}), output: z.any(), effect: "irreversible", run: () => 1,
});
`,
  "workflows/w.yaml": `${head}kind: Workflow
name: w
input: {type: object, required: [t], properties: {t: {type: string}}}
steps:
  sort: {uses: "agent:sorter", with: {ticket: "\${input.t}"}}
  help: {uses: "agent:helper", with: {task: "\${steps.sort.output.kind}"}}
output: "\${steps.help.output.text}"
`,
};

test("a sound project has no findings; workflows know what its agents take and give", async () => {
  const ran = await af("validate");
  expect(ran.stdout).toBe("");
  expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining("2 agents") });
  write("workflows/w.yaml", (sound["workflows/w.yaml"] ?? "").replace("output.text", "output.txt"));
  expect((await af("validate")).stdout).toMatch(/workflows\/w\.yaml:\d+:\d+ {2}error .*text/);
});

test.each<[what: string, file: string, text: string, said: RegExp]>([
  [
    "an unknown key",
    "agents/helper.yaml",
    `${helper}tool: []\n`,
    /agents\/helper\.yaml:6:1 {2}error AF909 .*tools/,
  ],
  [
    "a name that is not the file's",
    "agents/helper.yaml",
    helper.replace("name: helper", "name: other"),
    /agents\/helper\.yaml:3:7 {2}error AF909 .*helper/,
  ],
  [
    "instructions that are not there",
    "agents/sorter.yaml",
    sorter.replace("sorter.md", "sorted.md"),
    /agents\/sorter\.yaml:5:22 {2}error AF504 .*prompts\/sorted\.md/,
  ],
  [
    "an irreversible tool that nobody approves",
    "agents/sorter.yaml",
    sorter.replace("{use: mail.send, approval: always}", "mail.send"),
    /agents\/sorter\.yaml:9:9 {2}warning AF503 .*mail\.send/,
  ],
  [
    "an unknown tool",
    "agents/sorter.yaml",
    sorter.replace("mail.send", "mail.sent"),
    /:9:\d+ {2}error AF505 .*mean mail\.send/,
  ],
  [
    "an unknown agent",
    "agents/sorter.yaml",
    sorter.replace("[helper]", "[helpers]"),
    /:10:10 {2}error AF506 .*mean helper/,
  ],
  [
    "a hand-off to itself",
    "agents/helper.yaml",
    `${helper}handoffs: [helper]\n`,
    /:6:12 {2}error AF506 .*itself/,
  ],
  ["an unknown model", "agents/helper.yaml", `${helper}model: smal\n`, /:6:8 {2}error AF507 .*mean small/],
  [
    "an unknown fallback",
    "agentflow.yaml",
    projectFile.replace("[small]", "[smal]"),
    /:5:\d+ {2}error AF507 .*mean small/,
  ],
  [
    "agents in a ring",
    "agents/helper.yaml",
    `${helper}agents: [sorter]\n`,
    /AF508 .*helper → sorter → helper/,
  ],
  [
    "an output that is no object",
    "agents/helper.yaml",
    `${helper}output: {type: string}\n`,
    /agents\/helper\.yaml:6:1 {2}error AF510/,
  ],
  [
    "a fault in a prompt's file, at its line there",
    "prompts/sorter.md",
    "Sort it.\nFor ${input.ticket +}.\n",
    /prompts\/sorter\.md:2:\d+ {2}error AF511/,
  ],
  [
    "a key that the input has not",
    "agents/sorter.yaml",
    sorter.replace("{input.ticket}", "{input.tikcet}"),
    /:6:\d+ {2}error AF511 .*ticket/,
  ],
  [
    "steps in instructions",
    "prompts/sorter.md",
    "${steps.x.output}",
    /prompts\/sorter\.md:1:\d+ {2}error AF511 .*only input and run/,
  ],
  ["an unknown provider", "agentflow.yaml", projectFile.replace("openai", "opnai"), /:7:15 {2}error AF512 /],
])("%s is told with its place", async (_, file, text, said) => {
  write(file, text);
  const ran = await af("validate");
  expect(ran.stdout).toMatch(said);
  // Said once: what does not load for the same reason is not told again.
  expect(ran.stdout).not.toContain("AF910");
});

test("models are listed with their host, their key's name and their price, and no more", async () => {
  const { stdout } = await af("model", "list", "--json");
  expect(JSON.parse(stdout).data.items).toEqual([
    {
      name: "default",
      provider: "scripted",
      model: "scripted",
      fallbacks: ["small"],
      price: { input: 0, output: 0 },
      priceFrom: "table",
      missing: [],
      known: true,
    },
    {
      name: "small",
      provider: "openai",
      model: "gpt-4o-mini",
      host: "localhost:4000",
      fallbacks: [],
      price: { input: 1, output: 2 },
      priceFrom: "project",
      missing: [],
      known: true,
    },
  ]);
  const table = await af("model", "list");
  expect(table.stdout).toContain("localhost:4000");
  expect(table.stdout + stdout).not.toContain("hidden");
});
