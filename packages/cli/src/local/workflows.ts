/** Registers a project's workflows, YAML and TypeScript, with the control plane beside us. */
import type { Engine } from "@agentflow/control-plane";
import {
  AgentFlowError,
  type Finding,
  type Manifest,
  type WorkflowDefinition,
  defaultTenant,
} from "@agentflow/protocol";
import { setTimeout as delay } from "node:timers/promises";
import { inOrder, placeFindings, readProject, withBudgets } from "../project/index.ts";

export interface Registered {
  readonly registered: readonly string[];
  /** Those whose file is gone since: they start no more runs. */
  readonly removed: readonly string[];
  /** Faults and warnings, placed in their files; a workflow with a fault keeps its last good version. */
  readonly findings: readonly Finding[];
}

const catalogWaitMs = 2_000;

export async function registerWorkflows(
  dir: string,
  of: { readonly engine: Engine; readonly manifest: Manifest },
): Promise<Registered> {
  const { engine, manifest } = of;
  await catalogHas(engine, manifest);
  const project = await readProject(dir);
  const findings: Finding[] = [...project.findings];
  const registered: string[] = [];
  const typescript = manifest.workflows.map((definition) => ({ definition, file: undefined }));
  const authored = [...project.workflows, ...typescript];
  for (const { definition, file } of authored) {
    const found = await register(engine, withBudgets(project, definition), file);
    findings.push(...(file === undefined ? found : placeFindings(project, file, found)));
    if (!found.some(({ severity }) => severity === "error")) registered.push(definition.name);
  }
  const read = new Set(project.workflows.map(({ file }) => file));
  const removed = await engine.registry.keepOnly(defaultTenant, {
    workflows: authored.map(({ definition }) => definition.name),
    unreadable: [...project.files.keys()].filter((file) => !read.has(file)),
  });
  return { registered, removed, findings: inOrder(findings) };
}

async function register(
  engine: Engine,
  definition: WorkflowDefinition,
  file: string | undefined,
): Promise<readonly Finding[]> {
  const project = file === undefined ? {} : { file };
  try {
    const view = await engine.registry.register(defaultTenant, { definition }, { project });
    return view.findings;
  } catch (error) {
    const findings = findingsOf(error);
    if (findings !== undefined) return findings;
    throw error;
  }
}

function findingsOf(error: unknown): readonly Finding[] | undefined {
  if (!AgentFlowError.is(error) || error.code !== "invalid_project") return undefined;
  const { findings } = error.details;
  return Array.isArray(findings) ? findings : undefined;
}

/**
 * The worker's row travels over the bus: what it said a moment ago must have arrived before we check against
 * it.
 */
async function catalogHas(engine: Engine, manifest: Manifest): Promise<void> {
  const wanted = manifest.tools.map(({ name }) => name);
  const endMs = performance.now() + catalogWaitMs;
  while (performance.now() < endMs) {
    const known = new Set(engine.registry.listTools(defaultTenant).map(({ name }) => name));
    const workers = engine.registry.listWorkers(defaultTenant);
    const loaded = workers.some((worker) => worker.manifest?.code === manifest.code);
    if (loaded && wanted.every((name) => known.has(name))) return;
    await delay(5);
  }
}
