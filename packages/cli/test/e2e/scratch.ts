/** A project folder of its own whose `node_modules` are this repository's. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

export interface Scratch {
  readonly dir: string;
  write(file: string, text: string): void;
  remove(): void;
}

export type Files = { readonly [file: string]: string };

export function scratchProject(files: Files): Scratch {
  const dir = realpathSync(mkdtempSync(path.join(os.tmpdir(), "agentflow-e2e-")));
  symlinkSync(path.resolve(import.meta.dirname, "../../../../node_modules"), path.join(dir, "node_modules"));
  const write = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    writeFileSync(path.join(dir, file), text);
  };
  write("package.json", `{"type":"module"}`);
  write("agentflow.yaml", "apiVersion: agentflow.dev/v1\nkind: Project\nname: scratch\n");
  for (const [file, text] of Object.entries(files)) write(file, text);
  return { dir, write, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** A tool file with one export `go` that takes {n} and does what `body` says. */
export function toolFile(body: string, options = `effect: "pure"`): string {
  return `import { defineTool } from "@agentflow/sdk";
import { z } from "zod";
export const go = defineTool({
  description: "for a test",
  input: z.object({ n: z.number() }),
  output: z.any(),
  ${options},
  async run({ n }, context) { ${body} },
});
`;
}

/** A workflow file; each step is one line of YAML without its indent. */
export function workflowFile(name: string, steps: readonly string[], output: string): string {
  const lines = steps.map((step) => `  ${step}\n`).join("");
  return `apiVersion: agentflow.dev/v1
kind: Workflow
name: ${name}
input: {type: object, properties: {n: {type: number}}}
planner: {kind: static}
steps:
${lines}output: {value: "${output}"}
`;
}

/** A project of one tool `work.go` and one workflow `one` that calls it. */
export function oneTool(body: string, of: { readonly options?: string; readonly step?: string } = {}): Files {
  const step = `a: {uses: "tool:work.go", with: {n: "\${input.n}"}${of.step ?? ""}}`;
  return {
    "tools/work.ts": toolFile(body, of.options),
    "workflows/one.yaml": workflowFile("one", [step], "${steps.a.output}"),
  };
}
