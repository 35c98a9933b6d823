/** What runs in the cluster: the chain of the kill matrix, and a payment that may never be made twice. */
import { ledgerProject, ledgerSteps, type ProjectFiles } from "../embedded/project.ts";

/** Its tools leave a line a call in the file that the run's input names. */
export function clusterProject(): ProjectFiles {
  const steps = Array.from({ length: ledgerSteps }, (_, i) => {
    const n = i === 0 ? "${input.n}" : `\${steps.s${i - 1}.output.n}`;
    const tool = i === payStep ? "pay" : "note";
    const given = `n: "${n}", ms: "\${input.ms}", file: "\${input.file}"`;
    return `  s${i}: {uses: "tool:outside.${tool}", with: {${given}}}`;
  });
  const { "agentflow.yaml": config = "", "package.json": manifest = "" } = ledgerProject();
  return {
    "agentflow.yaml": config,
    "package.json": manifest,
    "tools/outside.ts": tools,
    "workflows/paid.yaml": `apiVersion: agentflow.dev/v1
kind: Workflow
name: paid
planner: {kind: static}
steps:
${steps.join("\n")}
output: {n: "\${steps.s${ledgerSteps - 1}.output.n}"}
`,
  };
}

/** The step whose call is irreversible. */
export const payStep = 3;

const tools = `import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

const input = z.object({ n: z.number(), ms: z.number(), file: z.string() });
const output = z.object({ n: z.number() });

async function act({ n, ms, file }, { callId, run, step, attempt }) {
  appendFileSync(file, JSON.stringify({ run, step, attempt, callId, atMs: Date.now() }) + "\\n");
  await delay(ms);
  return { n: n + 1 };
}

export const note = defineTool({
  description: "Add one, and leave a line about it",
  input,
  output,
  effect: "write",
  idempotencyKey: (_input, { callId }) => callId,
  run: act,
});

export const pay = defineTool({
  description: "Add one, and leave a line about what cannot be taken back",
  input,
  output,
  effect: "irreversible",
  run: act,
});
`;
