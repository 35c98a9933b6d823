/** Loads a project's code: imports its files, collects what they define, and describes it in a manifest. */
import {
  type Callable,
  type Manifest,
  type SandboxPolicy,
  type WorkflowDefinition,
  isId,
  parseDuration,
  planSandbox,
  AgentFlowError,
} from "@agentflow/protocol";
import { type Agent, type ModelAgent, type Tool, isDefinition, jsonSchemaOf } from "@agentflow/sdk";
import { pathToFileURL } from "node:url";
import { checkCallable } from "./check-callable.ts";
import { type CodeFile, codeFiles, yamlFiles } from "./code-files.ts";
import { codeHash } from "./code-hash.ts";
import { LoadError } from "./load-error.ts";
import { sandboxPolicyOf } from "./sandbox-policy.ts";

export interface LoadedProject {
  readonly manifest: Manifest;
  readonly tools: ReadonlyMap<string, Tool>;
  /** Those that are functions; a model does the work of the others, which the manifest describes. */
  readonly agents: ReadonlyMap<string, Agent>;
}

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
  const policy = await sandboxPolicyOf(projectDir);
  const tools = new Map<string, Tool>();
  const agents = new Map<string, Agent>();
  const workflows: WorkflowDefinition[] = [];
  const described: { tools: Callable[]; agents: Callable[] } = { tools: [], agents: [] };
  for (const file of codeFiles(projectDir, "tools")) {
    for (const [name, tool] of toolsOf(file, await importFile(file))) {
      tools.set(name, tool);
      described.tools.push(withSandbox(describe(name, tool, file), tool, policy));
    }
  }
  for (const file of codeFiles(projectDir, "agents")) {
    const agent = agentOf(file, await importFile(file));
    if ("model" in agent) {
      const { agentOfCode } = await import("./model-agents.ts");
      described.agents.push(await agentOfCode(agent, file, projectDir));
    } else {
      agents.set(file.stem, agent);
      described.agents.push(describe(file.stem, agent, file));
    }
  }
  for (const file of yamlFiles(projectDir, "agents")) {
    onFile(file.relative);
    const { agentOfYaml } = await import("./model-agents.ts");
    refuseSecond(described.agents, file);
    described.agents.push(await agentOfYaml(file, projectDir));
  }
  for (const file of codeFiles(projectDir, "workflows")) {
    workflows.push(workflowOf(file, await importFile(file)));
  }
  const all = { ...described, ...(await withModels(described, projectDir)) };
  const manifest: Manifest = { v: 1, kind: "manifest", code: codeHash(projectDir), ...all, workflows };
  return { manifest, tools, agents };
}

/** One tool alone, of its own file alone: what a sandbox loads. */
export async function loadTool(projectDir: string, name: string): Promise<LoadedProject> {
  const [stem] = name.split(".");
  const file = codeFiles(projectDir, "tools").find((one) => one.stem === stem);
  const tools = file === undefined ? [] : toolsOf(file, await importOne(file));
  const manifest = {
    v: 1,
    kind: "manifest",
    code: "000000000000",
    tools: [],
    agents: [],
    workflows: [],
  } as const;
  return { manifest, tools: new Map(tools.filter(([one]) => one === name)), agents: new Map() };
}

function withSandbox(described: Callable, { options }: Tool, policy: SandboxPolicy | undefined): Callable {
  const asked = options.sandbox ?? (options.untrusted === true ? {} : undefined);
  const sandbox = planSandbox(described.name, asked, policy);
  return sandbox === undefined ? described : { ...described, sandbox };
}

/** What model agents need beside: their effects, and the models of the project. */
async function withModels(
  { tools, agents }: { readonly tools: readonly Callable[]; readonly agents: readonly Callable[] },
  projectDir: string,
): Promise<Pick<Manifest, "models"> & { readonly agents?: readonly Callable[] }> {
  if (agents.every(({ agent }) => agent === undefined)) return {};
  const { modelsOf, withEffects } = await import("./model-agents.ts");
  const models = await modelsOf(projectDir);
  return { agents: withEffects(tools, agents), ...(models === undefined ? {} : { models }) };
}

function refuseSecond(agents: readonly Callable[], file: CodeFile): void {
  const other = agents.find(({ name }) => name === file.stem);
  if (other === undefined) return;
  const problem = new AgentFlowError("invalid_project", `${other.file} is the agent ${file.stem} already`, {
    suggestions: ["rename or remove one of the two"],
  });
  throw new LoadError(file.relative, problem);
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
        { exported: key },
      );
    }
    found.push([name, value]);
  }
  return found;
}

function isTool(value: unknown): value is Tool {
  return isDefinition(value) && value.kind === "tool";
}

function isAgent(value: unknown): value is Agent | ModelAgent {
  return isDefinition(value) && value.kind === "agent";
}

function isWorkflow(value: unknown): value is { kind: "workflow"; definition: WorkflowDefinition } {
  return isDefinition(value) && value.kind === "workflow";
}

function agentOf(file: CodeFile, module: Module): Agent | ModelAgent {
  const agent = module["default"];
  if (isAgent(agent)) return agent;
  throw new LoadError(
    file.relative,
    new AgentFlowError("invalid_project", "its default export is not an agent", {
      suggestions: ["export default defineAgent({ … })"],
    }),
    { exported: "default" },
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
    { exported: "default" },
  );
}

function describe(name: string, { kind, options }: Tool | Agent, file: CodeFile): Callable {
  try {
    checkCallable(`${kind} ${name}`, options);
  } catch (error) {
    const exported = kind === "tool" ? name.slice(file.stem.length + 1) : "default";
    throw new LoadError(file.relative, error, { exported });
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
    ...policyOf(options),
  };
}

/** What a tool's own definition says of its calls. */
function policyOf(options: Tool["options"] | Agent["options"]): Pick<Callable, "secrets" | "approval"> {
  if (!("secrets" in options || "approval" in options)) return {};
  const { secrets, approval } = options;
  return {
    ...(secrets === undefined || secrets.length === 0 ? {} : { secrets }),
    ...(approval === undefined ? {} : { approval }),
  };
}
