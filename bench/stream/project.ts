/** What is followed: an agent whose scripted model says a long text, token by token. */
import type { ProjectFiles } from "../embedded/project.ts";

/** A token of the scripted model is four characters. */
const tokenLength = 4;

export function speech(tokens: number): string {
  return Array.from({ length: tokens }, (_, n) => `${n.toString(36).padStart(tokenLength - 1, "0")} `).join(
    "",
  );
}

export function tokensIn(text: string): number {
  return text.length / tokenLength;
}

export function streamProject(of: { readonly tokens: number; readonly perSecond: number }): ProjectFiles {
  const { tokens, perSecond } = of;
  return {
    "agentflow.yaml": `apiVersion: agentflow.dev/v1
kind: Project
name: stream
models:
  default: { provider: scripted, model: scripted, script: prompts/script.yaml }
pools:
  default: { concurrency: 64 }
targets:
  dev: { bus: embedded }
`,
    "package.json": '{"name":"stream","version":"0.1.0","private":true,"type":"module"}\n',
    "prompts/script.yaml": `apiVersion: agentflow.dev/v1
kind: ModelScript
pace: { tokensPerSecond: ${perSecond}, chunks: ${tokens} }
default: { text: ${JSON.stringify(speech(tokens))} }
`,
    "agents/speaker.yaml": `apiVersion: agentflow.dev/v1
kind: Agent
name: speaker
description: Says all that it has to say
instructions: Speak.
prompt: "Speak"
limits: { turns: 2, tokens: 1000000, time: 10m }
`,
    "tools/idle.ts": `import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

export const nothing = defineTool({
  description: "Does nothing",
  input: z.object({}),
  output: z.object({}),
  effect: "read",
  run: () => ({}),
});
`,
    "workflows/speak.yaml": `apiVersion: agentflow.dev/v1
kind: Workflow
name: speak
planner: {kind: static}
steps:
  say: {uses: "agent:speaker", with: {}, timeout: 10m}
output: {text: "\${steps.say.output.text}"}
`,
  };
}
