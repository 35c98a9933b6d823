import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

export interface Scratch {
  readonly dir: string;
  write(file: string, text: string): void;
  remove(): void;
}

/** A project folder of its own whose `node_modules` are this repository's. */
export function scratchProject(files: { readonly [file: string]: string }): Scratch {
  const dir = mkdtempSync(path.join(os.tmpdir(), "agentflow-runtime-"));
  symlinkSync(path.resolve(import.meta.dirname, "../../../node_modules"), path.join(dir, "node_modules"));
  const write = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    writeFileSync(path.join(dir, file), text);
  };
  write("package.json", `{"type":"module"}`);
  for (const [file, text] of Object.entries(files)) write(file, text);
  return { dir, write, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** A tool file with one export that takes {n} and does what `body` says. */
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
