/** Writes the scratch projects that are measured: as small as a project can be, all of it shown here. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../lib/children.ts";

export interface ProjectFiles {
  readonly [file: string]: string;
}

/** A project folder with these files, beside our own packages. Replaces what was there. */
export function writeProject(dir: string, files: ProjectFiles): void {
  rmSync(dir, { recursive: true, force: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    writeFileSync(path.join(dir, file), text);
  }
  symlinkSync(path.join(ROOT, "../node_modules"), path.join(dir, "node_modules"));
}

const project = (name: string): ProjectFiles => ({
  "agentflow.yaml": `apiVersion: agentflow.dev/v1
kind: Project
name: ${name}
models:
  default: { provider: scripted, model: scripted }
pools:
  default: { concurrency: 64 }
targets:
  dev: { bus: embedded }
`,
  "package.json": `${JSON.stringify({ name, version: "0.1.0", private: true, type: "module" })}\n`,
});

/** What the side-by-side bench runs: a step adds one. */
export function benchProject(): ProjectFiles {
  const chain = Array.from({ length: 10 }, (_, i) =>
    addStep(`s${i}`, i === 0 ? "${input.n}" : `\${steps.s${i - 1}.output.n}`),
  );
  const fan = Array.from({ length: 100 }, (_, i) => addStep(`s${i}`, "${input.n}"));
  const terms = Array.from({ length: 100 }, (_, i) => `steps.s${i}.output.n`).join("+");
  const sum = `  sum: {uses: set, with: {n: "\${${terms}}"}}`;
  return {
    ...project("bench"),
    "tools/bench.ts": addTool + doubleTool,
    "agents/clerk.yaml": clerkAgent,
    "prompts/script.yaml": clerkScript,
    "workflows/agent.yaml": workflow(
      "agent",
      [`  s0: {uses: "agent:clerk", with: {n: "\${input.n}"}}`],
      "${steps.s0.output.n}",
    ),
    "workflows/one.yaml": workflow("one", [addStep("s0", "${input.n}")], "${steps.s0.output.n}"),
    "workflows/chain.yaml": workflow("chain", chain, "${steps.s9.output.n}"),
    "workflows/fan.yaml": workflow("fan", [...fan, sum], "${steps.sum.output.n}"),
  };
}

/** Five turns: one of the two tools in each of the first four, the sum in the last. */
const clerkAgent = `apiVersion: agentflow.dev/v1
kind: Agent
name: clerk
description: Adds one, turn by turn
instructions: Add one with the tool that fits until you are at four, then say five.
input: {type: object, required: [n], properties: {n: {type: number}}}
output: {type: object, required: [n], properties: {n: {type: number}}}
tools: [bench.add, bench.double]
`;

const clerkScript = `apiVersion: agentflow.dev/v1
kind: ModelScript
rules:
  - {when: {turn: 1}, calls: [{tool: bench__add, input: {n: 0}}]}
  - {when: {turn: 2}, calls: [{tool: bench__double, input: {n: 1}}]}
  - {when: {turn: 3}, calls: [{tool: bench__add, input: {n: 2}}]}
  - {when: {turn: 4}, calls: [{tool: bench__add, input: {n: 3}}]}
  - {json: {n: "\${results[0].output.n + 1}"}}
`;

/** Steps of a run of the kill matrix: each reads the one before and takes a moment. */
export const ledgerSteps = 6;

/** What the kill matrix runs: every call leaves a line in a file outside the installation. */
export function ledgerProject(): ProjectFiles {
  const steps = Array.from({ length: ledgerSteps }, (_, i) => {
    const n = i === 0 ? "${input.n}" : `\${steps.s${i - 1}.output.n}`;
    const given = `n: "${n}", ms: "\${input.ms}", file: "\${input.file}"`;
    return `  s${i}: {uses: "tool:bench.note", with: {${given}}}`;
  });
  return {
    ...project("killed"),
    "tools/bench.ts": noteTool,
    "workflows/chain.yaml": workflow("chain", steps, `\${steps.s${ledgerSteps - 1}.output.n}`),
  };
}

/** What tenants beside each other run: `two` adds one twice, `hung` waits until its step's time is over. */
export function tenantsProject(hangFor: string): ProjectFiles {
  const two = [addStep("s0", "${input.n}"), addStep("s1", "${steps.s0.output.n}")];
  const hung = [
    `  s0: {uses: "tool:hang.forever", with: {n: "\${input.n}"}, timeout: ${hangFor}, retry: {max: 3}}`,
  ];
  return {
    ...project("tenants"),
    "tools/bench.ts": addTool,
    "tools/hang.ts": hangTool,
    "workflows/two.yaml": workflow("two", two, "${steps.s1.output.n}"),
    "workflows/hung.yaml": workflow("hung", hung, "${steps.s0.output.n}"),
  };
}

/** What the dev loop edits: a tool that says which version of it ran. */
export function loopProject(): ProjectFiles {
  const slow = [
    `  first: {uses: "tool:bench.version", with: {ms: 0}}`,
    `  second: {uses: "tool:bench.version", with: {ms: "\${input.ms}"}, needs: [first]}`,
    `  third: {uses: "tool:bench.version", with: {ms: 0}, needs: [second]}`,
  ];
  const stubborn = [
    `  first: {uses: "tool:bench.version", with: {ms: 0}}`,
    `  second: {uses: "tool:stubborn.block", with: {ms: "\${input.ms}"}, needs: [first]}`,
    `  third: {uses: "tool:bench.version", with: {ms: 0}, needs: [second]}`,
  ];
  const quick = [`  only: {uses: "tool:bench.version", with: {ms: 0}}`];
  return {
    ...project("loop"),
    "tools/bench.ts": versionTool(0),
    "workflows/quick.yaml": workflow("quick", quick, "${steps.only.output.version}"),
    "workflows/slow.yaml": workflow("slow", slow, "${steps.third.output.version}"),
    "tools/stubborn.ts": blockTool,
    "workflows/stubborn.yaml": workflow("stubborn", stubborn, "${steps.third.output.version}"),
  };
}

export function versionTool(version: number): string {
  return `import { setTimeout as delay } from "node:timers/promises";
import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

export const version = defineTool({
  description: "Say which version of this file ran",
  input: z.object({ ms: z.number() }),
  output: z.object({ version: z.number() }),
  effect: "pure",
  async run({ ms }) {
    if (ms > 0) await delay(ms);
    return { version: ${version} };
  },
});
`;
}

const blockTool = `import { spawn } from "node:child_process";
import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

export const block = defineTool({
  description: "Start a child that outlives its welcome, and let nothing else in this process happen",
  input: z.object({ ms: z.number() }),
  output: z.object({}),
  effect: "pure",
  run({ ms }) {
    spawn("sleep", ["600"], { stdio: "ignore" }).unref();
    const end = performance.now() + ms;
    while (performance.now() < end);
    return {};
  },
});
`;

const addTool = `import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

export const add = defineTool({
  description: "Add one",
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
  effect: "pure",
  run: ({ n }) => ({ n: n + 1 }),
});
`;

const doubleTool = `
export const double = defineTool({
  description: "Double",
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
  effect: "pure",
  run: ({ n }) => ({ n: n * 2 }),
});
`;

const hangTool = `import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

export const forever = defineTool({
  description: "Never end, and do not listen when told to",
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
  effect: "pure",
  run: () => new Promise(() => {}),
});
`;

const noteTool = `import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

export const note = defineTool({
  description: "Add one, and leave a line about it",
  input: z.object({ n: z.number(), ms: z.number(), file: z.string() }),
  output: z.object({ n: z.number() }),
  effect: "write",
  idempotencyKey: (_input, { callId }) => callId,
  async run({ n, ms, file }, { callId, run, step }) {
    appendFileSync(file, JSON.stringify([run, step, callId]) + "\\n");
    await delay(ms);
    return { n: n + 1 };
  },
});
`;

function workflow(name: string, steps: readonly string[], output: string): string {
  return `apiVersion: agentflow.dev/v1
kind: Workflow
name: ${name}
planner: {kind: static}
steps:
${steps.join("\n")}
output: {n: "${output}"}
`;
}

function addStep(name: string, n: string): string {
  return `  ${name}: {uses: "tool:bench.add", with: {n: "${n}"}}`;
}
