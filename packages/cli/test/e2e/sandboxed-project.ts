/** A project with a tool that nobody trusts, as `af deploy` brings it to the test cluster. */
import type { Scratch } from "./scratch.ts";
import { scratchProject } from "./scratch.ts";

export interface SandboxedProject {
  readonly name: string;
  readonly runtimeClass: string;
  readonly images: { readonly node: string; readonly nats: string };
}

export function sandboxedProject({ name, runtimeClass, images }: SandboxedProject): Scratch {
  return scratchProject({
    "package.json": JSON.stringify({ name, type: "module", dependencies: { "@agentflow/sdk": "0.1.0" } }),
    "agentflow.yaml": `apiVersion: agentflow.dev/v1
kind: Project
name: ${name}
sandbox: {limits: {memoryMb: 96, cpus: 1, tmpMb: 8}}
targets:
  prod:
    kind: kubernetes
    runtimeClass: ${runtimeClass}
    imageLoad: "true {image}"
    images: {base: "${images.node}", nats: "${images.nats}"}
    limits: {control-plane: {memoryMb: 384}, worker-default: {memoryMb: 512}}
`,
    "tools/box.ts": tool,
    "workflows/box.yaml": workflow("box", "60s"),
    "workflows/short.yaml": workflow("short", "2s"),
  });
}

/** No package but our own, so that no registry is needed: the schema is one that takes everything. */
const tool = `import { defineTool } from "@agentflow/sdk";
import { existsSync, writeFileSync, writeSync } from "node:fs";
import { writeFile } from "node:fs/promises";

const any = {
  "~standard": {
    version: 1, vendor: "test", validate: (value: any) => ({ value }),
    jsonSchema: { input: () => ({}), output: () => ({}) },
  },
} as any;

export const run = defineTool({
  description: "Do what it is told",
  input: any,
  output: any,
  effect: "pure",
  untrusted: true,
  async run({ what }: any) {
    switch (what) {
      case "look": return {
        token: existsSync("/var/run/secrets/kubernetes.io/serviceaccount/token"),
        broker: existsSync("/run/agentflow-sandbox"),
        network: await fetch("https://" + (process.env.KUBERNETES_SERVICE_HOST ?? "127.0.0.2"))
          .then(() => true, () => false),
        root: await writeFile("/srv/x", "").then(() => "written", ({ code }) => code),
      };
      case "memory": { const kept = []; for (;;) kept.push(Buffer.alloc(8 * 1024 * 1024, 1)); }
      case "flood": for (;;) try { writeSync(2, "x".repeat(65536)); } catch {}
      default: writeFileSync("/tmp/begun", ""); return new Promise((resolve) => setTimeout(resolve, 600_000));
    }
  },
});
`;

const workflow = (name: string, timeout: string): string => `apiVersion: agentflow.dev/v1
kind: Workflow
name: ${name}
input: {type: object, properties: {what: {type: string}}}
planner: {kind: static}
steps:
  a: {uses: "tool:box.run", with: {what: "\${input.what}"}, timeout: ${timeout}}
output: {value: "\${steps.a.output}"}
`;
