/** A project with one tool that writes numbered lines at a pace. */
import type { ProjectFiles } from "../embedded/project.ts";

const tool = `import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Writes so many lines a second for so long; answers how many. */
export const lines = defineTool({
  description: "Writes numbered lines.",
  input: z.object({ rate: z.number(), ms: z.number() }),
  output: z.object({ count: z.number(), attempt: z.number() }),
  effect: "pure",
  timeout: "5m",
  async run({ rate, ms }, { log, run, attempt }) {
    const began = performance.now();
    let n = 0;
    for (let past = 0; past < ms; past = performance.now() - began) {
      const due = Math.floor((Math.min(past, ms) * rate) / 1_000);
      while (n < due) log.info(\`line \${run}#\${attempt} \${++n} of what a tool has to say\`);
      await wait(10);
    }
    return { count: n, attempt };
  },
});
`;

const workflow = `apiVersion: agentflow.dev/v1
kind: Workflow
name: say
input: {type: object, properties: {rate: {type: number}, ms: {type: number}}}
planner: {kind: static}
steps:
  say: {uses: "tool:say.lines", with: {rate: "\${input.rate}", ms: "\${input.ms}"}, timeout: 5m}
output: {value: "\${steps.say.output}"}
`;

export interface SayingTarget {
  readonly name: string;
  readonly target: string;
  readonly port: number;
}

/** With `of` also a target in containers, of two workers. */
export function sayingProject(of?: SayingTarget): ProjectFiles {
  const name = of?.name ?? "saying";
  const pools = "pools: {default: {concurrency: 16}}";
  const head = `apiVersion: agentflow.dev/v1\nkind: Project\nname: ${name}\n${pools}\n`;
  const packageFile = { name, private: true, type: "module", dependencies: { zod: "4.6.7" } };
  return {
    "agentflow.yaml": of === undefined ? head : `${head}${targetOf(of)}`,
    "package.json": `${JSON.stringify(packageFile)}\n`,
    "tools/say.ts": tool,
    "workflows/say.yaml": workflow,
  };
}

function targetOf({ target, port }: SayingTarget): string {
  return `settings: {worker: {leaseMs: 8000}}
targets:
  ${target}:
    kind: docker
    workers: {default: 2}
    api: {port: ${port}}
`;
}
