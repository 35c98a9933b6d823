/** Reads all authored files of a project: agentflow.yaml, workflows and agents in YAML; code is loaded elsewhere. */
import { type Finding, type WorkflowDefinition, isId } from "@agentflow/protocol";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { PlacedFinding } from "../output/findings.ts";
import { checkDefinition } from "./check-definition.ts";
import { type YamlFile, placeOf, readYaml } from "./document.ts";

export interface ProjectWorkflow {
  readonly definition: WorkflowDefinition;
  /** Relative to the project. */
  readonly file: string;
}

export interface Project {
  readonly dir: string;
  /** Undefined when agentflow.yaml is missing or unreadable. */
  readonly name: string | undefined;
  /** Those whose shape is right. */
  readonly workflows: readonly ProjectWorkflow[];
  readonly files: ReadonlyMap<string, YamlFile>;
  readonly findings: readonly PlacedFinding[];
}

/** Never throws for what stands in the files: that is among the findings. */
export async function readProject(dir: string): Promise<Project> {
  const findings: PlacedFinding[] = [];
  const files = new Map<string, YamlFile>();
  const workflows: ProjectWorkflow[] = [];
  const root = await readOne(dir, "agentflow.yaml");
  if (root === undefined) findings.push(noProjectFile());
  else {
    files.set(root.file, root);
    findings.push(...root.findings, ...(await shapeFindings(root, "Project")));
  }
  for (const file of await yamlFiles(dir, "workflows")) {
    const yaml = await readOne(dir, file);
    if (yaml === undefined) continue;
    files.set(file, yaml);
    const faults = [...yaml.findings, ...(await shapeFindings(yaml, "Workflow"))];
    findings.push(...faults);
    const { definition } = await checkDefinition("Workflow", yaml.value);
    if (definition !== undefined && !faults.some(({ severity }) => severity === "error")) {
      workflows.push({ definition, file });
    }
  }
  for (const file of await yamlFiles(dir, "agents")) findings.push(noYamlAgents(file));
  findings.push(...sameNames(workflows, files));
  return { dir, name: nameOf(root), workflows, files, findings };
}

async function shapeFindings(yaml: YamlFile, kind: "Project" | "Workflow"): Promise<PlacedFinding[]> {
  if (yaml.findings.some(({ severity }) => severity === "error")) return [];
  const { findings } = await checkDefinition(kind, yaml.value);
  return findings.map((finding) => ({ ...finding, ...placeOf(yaml, finding.path ?? "") }));
}

async function readOne(dir: string, file: string): Promise<YamlFile | undefined> {
  try {
    return readYaml(file, await readFile(join(dir, file), "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
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
  const name: unknown = typeof value === "object" && value !== null && "name" in value ? value.name : undefined;
  return isId("project", name) ? name : undefined;
}

function noProjectFile(): PlacedFinding {
  return {
    code: "AF004",
    severity: "error",
    message: "there is no agentflow.yaml",
    file: "agentflow.yaml",
    hint: "af init makes a project; or go to its folder",
  };
}

function noYamlAgents(file: string): PlacedFinding {
  return {
    code: "AF005",
    severity: "error",
    message: "agents are written in TypeScript: this file is not read",
    file,
    hint: "export default defineAgent({ … }) in a .ts file",
  };
}

function sameNames(workflows: readonly ProjectWorkflow[], files: ReadonlyMap<string, YamlFile>): PlacedFinding[] {
  const seen = new Map<string, string>();
  return workflows.flatMap(({ definition, file }) => {
    const other = seen.get(definition.name);
    seen.set(definition.name, file);
    const yaml = files.get(file);
    if (other === undefined || yaml === undefined) return [];
    const finding: Finding = {
      code: "AF006",
      severity: "error",
      message: `${other} is also named ${definition.name}`,
      hint: "give one of them another name",
    };
    return [{ ...finding, ...placeOf(yaml, "/name") }];
  });
}
