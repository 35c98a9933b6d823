/** What runs in the containers: the chain of the kill matrix, and a payment that may never be made twice. */
import type { ProjectFiles } from "../embedded/project.ts";
import { clusterProject } from "../cluster/project.ts";
import { outside } from "./outside.ts";

export interface ContainersTarget {
  readonly project: string;
  readonly target: string;
  readonly port: number;
  readonly nats: 1 | 3;
  readonly controlPlanes: number;
  readonly workers: number;
  /** Of the images; the defaults when left out. */
  readonly base: string | undefined;
}

/** As in the cluster, but tools tell a server of what they do: a file would go with their container. */
export function containersProject(of: ContainersTarget): ProjectFiles {
  const { "workflows/paid.yaml": workflow = "", "tools/outside.ts": tools = "" } = clusterProject();
  const images = of.base === undefined ? "" : `    images: {base: "${of.base}"}\n`;
  return {
    "agentflow.yaml": `apiVersion: agentflow.dev/v1
kind: Project
name: ${of.project}
pools:
  default: {concurrency: 16}
settings: {worker: {leaseMs: 8000}}
targets:
  ${of.target}:
    kind: docker
    nats: {replicas: ${of.nats}}
    controlPlanes: ${of.controlPlanes}
    workers: {default: ${of.workers}}
    api: {port: ${of.port}}
${images}`,
    "package.json": `{"name": "${of.project}", "type": "module", "dependencies": {"zod": "4.6.7"}}\n`,
    "workflows/paid.yaml": workflow,
    "tools/outside.ts": tools
      .replace('import { appendFileSync } from "node:fs";', 'import { randomUUID } from "node:crypto";')
      .replace(
        / {2}appendFileSync\(.*\);\n/,
        "  await tell({ run, step, attempt, callId, atMs: Date.now() });\n",
      )
      .concat(telling),
  };
}

/** Until it was heard: a tool that cannot say what it does does not do it. */
const telling = `
async function tell(line) {
  const body = JSON.stringify({ id: randomUUID(), ...line });
  for (;;) {
    try {
      const signal = AbortSignal.timeout(1_000);
      const answer = await fetch("${outside.url}", { method: "POST", body, signal });
      if (answer.ok) return;
    } catch {}
    await delay(100);
  }
}
`;
