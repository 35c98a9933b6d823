/** The project of the story: what `af init` makes, with tools that stand still until they are told. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { stringify } from "yaml";
import { expect } from "vitest";
import { runAf } from "../run-af.ts";

export interface StoryProject {
  readonly name: string;
  readonly dir: string;
  /** Its tools answer with this from then on: another build. */
  code(word: string): void;
  /** Writes agentflow.yaml. */
  settings(of: { readonly pools: readonly string[]; readonly targets: object }): void;
  remove(): void;
}

const modules = path.resolve(import.meta.dirname, "../../../../node_modules");

/** Where a tool of a worker looks before it goes on. */
export const gate = "/tmp/af-test-gate";

export async function storyProject(name: string): Promise<StoryProject> {
  const scratch = realpathSync(mkdtempSync(path.join(tmpdir(), "agentflow-story-")));
  const made = await runAf(["init", name, "--yes", "--no-install", "--no-git"], { cwd: scratch });
  expect(made).toMatchObject({ code: 0 });
  const dir = path.join(scratch, name);
  symlinkSync(modules, path.join(dir, "node_modules"));
  bringZod(dir);
  const write = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    writeFileSync(path.join(dir, file), text);
  };
  for (const [workflow, text] of Object.entries(workflows)) write(`workflows/${workflow}.yaml`, text);
  return {
    name,
    dir,
    code: (word) => write("tools/work.ts", toolsOf(word)),
    settings: ({ pools, targets }) =>
      write(
        "agentflow.yaml",
        stringify({
          apiVersion: "agentflow.dev/v1",
          kind: "Project",
          name,
          pools: Object.fromEntries(pools.map((pool) => [pool, { concurrency: 64 }])),
          targets,
        }),
      ),
    remove: () => rmSync(scratch, { recursive: true, force: true }),
  };
}

/** The one package that the template takes from a registry comes along: none may be within reach. */
function bringZod(dir: string): void {
  const from = path.join(modules, "zod");
  const isCode = (file: string): boolean => !file.startsWith(path.join(from, "src"));
  cpSync(realpathSync(from), path.join(dir, "vendor/zod"), { recursive: true, filter: isCode });
  const file = path.join(dir, "package.json");
  writeFileSync(file, readFileSync(file, "utf8").replace(/"zod": "[^"]*"/, '"zod": "file:./vendor/zod"'));
}

const head = (name: string): string => `apiVersion: agentflow.dev/v1
kind: Workflow
name: ${name}
input: {type: object, properties: {n: {type: number}}}
planner: {kind: static}
`;

const use = (tool: string, needs = ""): string =>
  `{uses: "tool:work.${tool}", with: {n: "\${input.n}"}, timeout: 2h${needs}}`;

const workflows = {
  // In a task of a worker while the next build comes.
  work: `${head("work")}steps:
  a: ${use("quick")}
  b: ${use("wait", ", needs: [a]")}
  c: ${use("quick", ", needs: [b]")}
output: {value: "\${steps.a.output + steps.b.output + steps.c.output}"}
`,
  // Between two tasks: the second is made when the next build is there.
  ask: `${head("ask")}steps:
  a: ${use("quick")}
  sure: {uses: "human:approve", with: {text: "Go on?"}, needs: [a]}
  c: ${use("quick", ", needs: [sure]")}
output: {value: "\${steps.a.output + steps.c.output}"}
`,
  quick: `${head("quick")}steps:
  a: ${use("quick")}
output: {value: "\${steps.a.output}"}
`,
  lines: `${head("lines")}steps:
  a: ${use("lines")}
output: {value: "\${steps.a.output}"}
`,
};

const toolsOf = (word: string): string => `import { defineTool, type CallContext } from "@agentflow/sdk";
import { existsSync } from "node:fs";
import { z } from "zod";

const options = {
  description: "for the story",
  input: z.object({ n: z.number() }),
  output: z.string(),
  effect: "pure",
} as const;

export const quick = defineTool({ ...options, run: async () => "${word}" });

export const wait = defineTool({
  ...options,
  async run() {
    while (!existsSync("${gate}")) await new Promise((resolve) => setTimeout(resolve, 200));
    return "${word}";
  },
});

export const lines = defineTool({
  ...options,
  async run({ n }: { n: number }, { log }: CallContext) {
    for (let line = 1; line <= 100; line++) log.info("line " + line + " of " + n);
    return "${word}";
  },
});
`;
