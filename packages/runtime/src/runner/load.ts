/** Loads a project's code: imports its files, collects what they define, and describes it in a manifest. */
import {
  type Callable,
  type Manifest,
  type WorkflowDefinition,
  isId,
  parseDuration,
  AgentFlowError,
} from "@agentflow/protocol";
import { type Agent, type Tool, isDefinition, jsonSchemaOf } from "@agentflow/sdk";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { checkCallable } from "./check-callable.ts";
import { codeHash } from "./code-hash.ts";
import { listing } from "./listing.ts";

export interface LoadedProject {
  readonly manifest: Manifest;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly agents: ReadonlyMap<string, Agent>;
}

const codeFile = /^([a-z0-9][a-z0-9_-]{0,62})\.(ts|mts|js|mjs)$/;

/**
 * Imports tools/, agents/ and workflows/ of the project. Throws what user code throws, with its file noted.
 * `onFile` hears of each file before it is imported: a loop at its top would be the last that is heard.
 */
export async function loadProject(
  projectDir: string,
  onFile: (file: string) => void = () => {},
): Promise<LoadedProject> {
  const importFile = (file: CodeFile): Promise<Module> => {
    onFile(file.relative);
    return importOne(file);
  };
  const tools = new Map<string, Tool>();
  const agents = new Map<string, Agent>();
  const workflows: WorkflowDefinition[] = [];
  const described: { tools: Callable[]; agents: Callable[] } = { tools: [], agents: [] };
  for (const file of codeFiles(projectDir, "tools")) {
    for (const [name, tool] of toolsOf(file, await importFile(file))) {
      tools.set(name, tool);
      described.tools.push(describe(name, tool, file));
    }
  }
  for (const file of codeFiles(projectDir, "agents")) {
    const agent = agentOf(file, await importFile(file));
    agents.set(file.stem, agent);
    described.agents.push(describe(file.stem, agent, file));
  }
  for (const file of codeFiles(projectDir, "workflows")) {
    workflows.push(workflowOf(file, await importFile(file)));
  }
  const manifest: Manifest = { v: 1, kind: "manifest", code: codeHash(projectDir), ...described, workflows };
  return { manifest, tools, agents };
}

interface CodeFile {
  readonly stem: string;
  readonly relative: string;
  readonly absolute: string;
}

function codeFiles(projectDir: string, folder: string): CodeFile[] {
  return listing(path.join(projectDir, folder))
    .map((name) => codeFile.exec(name))
    .filter((match) => match !== null)
    .map(([name, stem = ""]) => ({
      stem,
      relative: `${folder}/${name}`,
      absolute: path.join(projectDir, folder, name),
    }));
}

type Module = { readonly [key: string]: unknown };

async function importOne(file: CodeFile): Promise<Module> {
  try {
    const module: unknown = await import(pathToFileURL(file.absolute).href);
    return { ...(typeof module === "object" ? module : {}) };
  } catch (error) {
    throw new LoadError(file.relative, error);
  }
}

/** A failed import, with the file whose import failed; the fault itself may stand in another file. */
export class LoadError extends Error {
  readonly file: string;
  /** The export that is at fault, where it is one. */
  readonly exported: string | undefined;

  constructor(file: string, cause: unknown, exported?: string) {
    super(`cannot load ${file}`, { cause });
    this.file = file;
    this.exported = exported;
  }
}

function toolsOf(file: CodeFile, module: Module): [string, Tool][] {
  const found: [string, Tool][] = [];
  for (const [key, value] of Object.entries(module)) {
    if (!isTool(value)) continue;
    const name = `${file.stem}.${key}`;
    if (!isId("tool", name)) {
      throw new LoadError(
        file.relative,
        new AgentFlowError("invalid_project", `the export ${key} is not a valid name for a tool`, {
          suggestions: ["name it with letters and digits, a small letter first: export const findOrder = …"],
        }),
        key,
      );
    }
    found.push([name, value]);
  }
  return found;
}

function isTool(value: unknown): value is Tool {
  return isDefinition(value) && value.kind === "tool";
}

function isAgent(value: unknown): value is Agent {
  return isDefinition(value) && value.kind === "agent";
}

function isWorkflow(value: unknown): value is { kind: "workflow"; definition: WorkflowDefinition } {
  return isDefinition(value) && value.kind === "workflow";
}

function agentOf(file: CodeFile, module: Module): Agent {
  const agent = module["default"];
  if (isAgent(agent)) return agent;
  throw new LoadError(
    file.relative,
    new AgentFlowError("invalid_project", "its default export is not an agent", {
      suggestions: ["export default defineAgent({ … })"],
    }),
    "default",
  );
}

function workflowOf(file: CodeFile, module: Module): WorkflowDefinition {
  const workflow = module["default"];
  if (isWorkflow(workflow)) return workflow.definition;
  throw new LoadError(
    file.relative,
    new AgentFlowError("invalid_project", "its default export is not a finished workflow", {
      suggestions: ["export default defineWorkflow({ … }).step(…).output(…)"],
    }),
    "default",
  );
}

function describe(name: string, { kind, options }: Tool | Agent, file: CodeFile): Callable {
  try {
    checkCallable(`${kind} ${name}`, options);
  } catch (error) {
    throw new LoadError(file.relative, error, kind === "tool" ? name.slice(file.stem.length + 1) : "default");
  }
  const input = jsonSchemaOf(options.input, "input");
  const output = jsonSchemaOf(options.output, "output");
  return {
    name,
    description: options.description,
    effect: options.effect,
    file: file.relative,
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
    ...(options.timeout === undefined ? {} : { timeoutMs: parseDuration(options.timeout) }),
  };
}
