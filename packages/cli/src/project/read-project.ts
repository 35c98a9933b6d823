/** Reads the authored files of a project: agentflow.yaml, workflows and agents in YAML, and no code. */
import { type Finding, type WorkflowDefinition, isId } from "@agentflow/protocol";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { PlacedFinding } from "../output/findings.ts";
import { type ProjectAgent, judgeAgent } from "./agent-files.ts";
import { type YamlFile, placeOf, readYaml, yamlLimits } from "./document.ts";
import { projectFaults, readWorkflow } from "./parse-definition.ts";

export interface ProjectWorkflow {
  /** A workflow by kind and name; the plan's validator has not seen it yet. */
  readonly definition: WorkflowDefinition;
  /** Relative to the project. */
  readonly file: string;
}

export interface Project {
  readonly dir: string;
  /** Undefined when agentflow.yaml is missing or does not say it. */
  readonly name: string | undefined;
  readonly workflows: readonly ProjectWorkflow[];
  /** Agents in YAML that have no faults of their own. */
  readonly agents: readonly ProjectAgent[];
  readonly files: ReadonlyMap<string, YamlFile>;
  readonly findings: readonly PlacedFinding[];
}

/** Never throws for what stands in the files: that is among the findings. */
export async function readProject(dir: string): Promise<Project> {
  const findings: PlacedFinding[] = [];
  const files = new Map<string, YamlFile>();
  const root = await readOne(dir, "agentflow.yaml");
  if (root === undefined) findings.push(noProjectFile());
  else {
    files.set(root.file, root);
    findings.push(...root.findings, ...placed(root, hasError(root) ? [] : await projectFaults(root.value)));
  }
  const workflows: ProjectWorkflow[] = [];
  for (const file of await yamlFiles(dir, "workflows")) {
    const yaml = await readOne(dir, file);
    if (yaml === undefined) continue;
    files.set(file, yaml);
    findings.push(...yaml.findings);
    if (hasError(yaml)) continue;
    const read = readWorkflow(yaml.value);
    findings.push(...placed(yaml, read.findings));
    if (read.definition !== undefined) workflows.push({ definition: read.definition, file });
  }
  const agents = await readAgents(dir, files, findings);
  findings.push(...sameNames(workflows, files));
  return { dir, name: nameOf(root), workflows, agents, files, findings };
}

async function readAgents(
  dir: string,
  files: Map<string, YamlFile>,
  findings: PlacedFinding[],
): Promise<ProjectAgent[]> {
  const agents: ProjectAgent[] = [];
  for (const file of await yamlFiles(dir, "agents")) {
    const yaml = await readOne(dir, file);
    if (yaml === undefined) continue;
    files.set(file, yaml);
    findings.push(...yaml.findings);
    if (hasError(yaml)) continue;
    const read = await judgeAgent(dir, file, yaml.value);
    findings.push(...placed(yaml, read.findings));
    if (read.definition !== undefined) agents.push({ definition: read.definition, file });
  }
  return agents;
}

function hasError({ findings }: YamlFile): boolean {
  return findings.some(({ severity }) => severity === "error");
}

function placed(yaml: YamlFile, findings: readonly Finding[]): PlacedFinding[] {
  return findings.map((finding) => ({ ...finding, ...placeOf(yaml, finding.path ?? "") }));
}

/** A YAML file of the project; undefined when there is none. */
export async function readOne(dir: string, file: string): Promise<YamlFile | undefined> {
  try {
    // Asked first: a pipe would be waited for without end, a device read without end.
    if (!(await stat(join(dir, file))).isFile()) {
      return { ...readYaml(file, ""), findings: [notAFile(file)] };
    }
    return readYaml(file, await headOf(join(dir, file), yamlLimits.bytesMax + 1));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Not more than so many bytes of it, whatever it grows to. */
async function headOf(path: string, bytesMax: number): Promise<string> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytesMax), 0, bytesMax, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function yamlFiles(dir: string, folder: string): Promise<string[]> {
  const names = await readdir(join(dir, folder)).catch(() => []);
  return names
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => `${folder}/${name}`);
}

function nameOf(root: YamlFile | undefined): string | undefined {
  const { value } = root ?? {};
  const name: unknown =
    typeof value === "object" && value !== null && "name" in value ? value.name : undefined;
  return isId("project", name) ? name : undefined;
}

function noProjectFile(): PlacedFinding {
  const hint = "af init makes a project; or go to its folder";
  return {
    code: "AF904",
    severity: "error",
    message: "there is no agentflow.yaml",
    file: "agentflow.yaml",
    hint,
  };
}

function notAFile(file: string): PlacedFinding {
  const hint = "put a file of text there";
  return { code: "AF903", severity: "error", message: "it is no file: it was not read", file, hint };
}

function sameNames(
  workflows: readonly ProjectWorkflow[],
  files: ReadonlyMap<string, YamlFile>,
): PlacedFinding[] {
  const seen = new Map<string, string>();
  return workflows.flatMap(({ definition, file }) => {
    const other = seen.get(definition.name);
    seen.set(definition.name, file);
    const yaml = files.get(file);
    if (other === undefined || yaml === undefined) return [];
    const message = `${other} is also named ${definition.name}`;
    const finding: Finding = {
      code: "AF906",
      severity: "error",
      path: "/name",
      message,
      hint: "rename one of the two",
    };
    return placed(yaml, [finding]);
  });
}
