/** What the matrix runs: one agent that looks, notes and pays; every call leaves lines outside. */
import type { ProjectFiles } from "../embedded/project.ts";

export function turnsProject(of: { readonly url: string; readonly ledger: string }): ProjectFiles {
  return {
    "agentflow.yaml": `apiVersion: agentflow.dev/v1
kind: Project
name: turns
models:
  default: { provider: openai-compatible, model: counting, baseUrl: ${JSON.stringify(of.url)} }
pools:
  default: { concurrency: 64 }
targets:
  dev: { bus: embedded }
`,
    "package.json": `${JSON.stringify({ name: "turns", version: "0.1.0", private: true, type: "module" })}\n`,
    "agents/clerk.yaml": `apiVersion: agentflow.dev/v1
kind: Agent
name: clerk
description: Looks, notes, pays once and says so
instructions: You are a clerk.
prompt: "Work on \${run.id}"
tools: [work.look, work.note, work.pay]
`,
    "tools/work.ts": tools(of.ledger),
    "workflows/clerk.yaml": `apiVersion: agentflow.dev/v1
kind: Workflow
name: clerk
planner: {kind: static}
steps:
  work: {uses: "agent:clerk", with: {}, timeout: 5m, retry: {max: 3, backoff: 200ms}}
output: {text: "\${steps.work.output.text}"}
`,
  };
}

function tools(ledger: string): string {
  return `import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

const ledger = ${JSON.stringify(ledger)};
const input = z.object({ run: z.string(), n: z.number() });
const output = z.object({ n: z.number() });
const line = (point: string, tool: string, run: string, n: number, key: string): void =>
  appendFileSync(ledger, JSON.stringify([point, tool, run, n, key]) + "\\n");

async function work(tool: string, { run, n }: { run: string; n: number }, key: string) {
  line("began", tool, run, n, key);
  await delay(4);
  line("done", tool, run, n, key);
  return { n };
}

export const look = defineTool({
  description: "Look",
  input,
  output,
  effect: "read",
  run: (given, { callId }) => work("look", given, callId),
});

export const note = defineTool({
  description: "Note",
  input,
  output,
  effect: "write",
  idempotencyKey: (_input, { callId }) => callId,
  run: (given, { callId }) => work("note", given, callId),
});

export const pay = defineTool({
  description: "Pay",
  input,
  output,
  effect: "irreversible",
  run: (given, { callId }) => work("pay", given, callId),
});
`;
}
