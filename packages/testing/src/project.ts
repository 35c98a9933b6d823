/** A project under test: what lies in a folder, or definitions given by the test itself. */
import type { Callable, WorkflowDefinition } from "@agentflow/protocol";
import { type LoadedProject, loadProject } from "@agentflow/runtime";
import { type Agent, type Tool, jsonSchemaOf } from "@agentflow/sdk";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { parseWorkflow } from "./parse-workflow.ts";

export interface GivenProject {
  /** A folder with tools/, agents/ and workflows/; what is given beside it stands in for what lies there. */
  readonly dir?: string;
  /** By name, `<file>.<export>`: also to replace a real tool by one that the test controls. */
  readonly tools?: { readonly [name: string]: Tool };
  readonly agents?: { readonly [name: string]: Agent };
  readonly workflows?: readonly ({ readonly definition: WorkflowDefinition } | WorkflowDefinition)[];
}

export interface TestProject {
  readonly loaded: LoadedProject;
  readonly workflows: readonly WorkflowDefinition[];
}

export async function openProject(given: GivenProject): Promise<TestProject> {
  const base = given.dir === undefined ? undefined : await loadProject(path.resolve(given.dir));
  const tools = new Map([...(base?.tools ?? []), ...Object.entries(given.tools ?? {})]);
  const agents = new Map([...(base?.agents ?? []), ...Object.entries(given.agents ?? {})]);
  const workflows = [
    ...(given.dir === undefined ? [] : yamlWorkflows(given.dir)),
    ...(base?.manifest.workflows ?? []),
    ...(given.workflows ?? []).map((workflow) => ("definition" in workflow ? workflow.definition : workflow)),
  ];
  const manifest = {
    v: 1 as const,
    kind: "manifest" as const,
    code: base?.manifest.code ?? "000000000000",
    tools: [...tools].map(([name, tool]) => described(name, tool)),
    agents: [
      ...[...agents].map(([name, agent]) => described(name, agent)),
      ...(base?.manifest.agents ?? []).filter(({ name, agent }) => agent !== undefined && !agents.has(name)),
    ],
    workflows,
    ...(base?.manifest.models === undefined ? {} : { models: base.manifest.models }),
  };
  return { loaded: { manifest, tools, agents }, workflows };
}

function described(name: string, { options }: Tool | Agent): Callable {
  const input = jsonSchemaOf(options.input, "input");
  const output = jsonSchemaOf(options.output, "output");
  return {
    name,
    description: options.description,
    effect: options.effect,
    file: "test",
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
    ...("secrets" in options && options.secrets !== undefined ? { secrets: options.secrets } : {}),
    ...("approval" in options && options.approval !== undefined ? { approval: options.approval } : {}),
  };
}

function yamlWorkflows(dir: string): WorkflowDefinition[] {
  const folder = path.join(dir, "workflows");
  const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  return files.sort().map((name) => parseWorkflow(readFileSync(path.join(folder, name), "utf8")));
}
