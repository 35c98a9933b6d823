/** A project's own contexts: one file for each target that is up, and the name of the one in use. */
import { chmodSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  parseProjectContext,
  parseTargets,
  type ProjectContextFile,
  type TargetName,
} from "./parse-contexts.ts";
import { readPrivate, readText, writeWhole } from "./private-file.ts";

/** The target that `af up` takes when agentflow.yaml names none. */
const impliedTarget: TargetName = { name: "docker", kind: "docker" };

export interface InUse {
  readonly name: string;
  readonly previous?: string;
}

export function projectContextFile(project: string, name: string): string {
  return join(project, ".agentflow/contexts", `${name}.json`);
}

export function projectUseFile(project: string): string {
  return join(project, ".agentflow/context");
}

/** Undefined when that target is not up. Refuses a file that others could read, or that is damaged. */
export function readProjectContext(project: string, name: string): ProjectContextFile | undefined {
  const file = projectContextFile(project, name);
  const text = readPrivate(file);
  return text === undefined ? undefined : parseProjectContext(text, file);
}

export function savedNames(project: string): string[] {
  try {
    return readdirSync(join(project, ".agentflow/contexts"))
      .filter((file) => file.endsWith(".json"))
      .map((file) => file.slice(0, -".json".length))
      .sort();
  } catch {
    return [];
  }
}

export function writeProjectContext(project: string, context: ProjectContextFile): string {
  prepareFolder(project);
  const file = projectContextFile(project, context.name);
  writeWhole(file, `${JSON.stringify({ v: 1, ...context }, null, 2)}\n`);
  return file;
}

/** False when there was none. */
export function removeProjectContext(project: string, name: string): boolean {
  if (!savedNames(project).includes(name)) return false;
  rmSync(projectContextFile(project, name), { force: true });
  return true;
}

/** Targets of containers that agentflow.yaml names; with the implied one when it names none on Docker. */
export function targetsOf(project: string, of: { readonly implied?: boolean } = {}): readonly TargetName[] {
  const targets = parseTargets(readText(join(project, "agentflow.yaml")) ?? "");
  if (of.implied === false) return targets;
  return targets.some(({ kind }) => kind === "docker") ? targets : [impliedTarget, ...targets];
}

/** Undefined when none was chosen for this project. */
export function readProjectUse(project: string): InUse | undefined {
  const [name = "", previous = ""] = (readText(projectUseFile(project)) ?? "").split("\n");
  if (name.trim() === "") return undefined;
  return { name: name.trim(), ...(previous.trim() === "" ? {} : { previous: previous.trim() }) };
}

export function writeProjectUse(project: string, { name, previous }: InUse): void {
  prepareFolder(project);
  writeWhole(projectUseFile(project), `${[name, previous ?? ""].join("\n").trimEnd()}\n`);
}

/** Nothing is chosen for this project any more. */
export function removeProjectUse(project: string): void {
  rmSync(projectUseFile(project), { force: true });
}

/** Made with a .gitignore of its own, so that no project ever commits a token. */
function prepareFolder(project: string): void {
  const root = join(project, ".agentflow");
  mkdirSync(root, { recursive: true, mode: 0o700 });
  chmodSync(root, 0o700);
  const ignore = join(root, ".gitignore");
  // On a full disk a file that is written over is empty, and then git would take what stands beside it.
  if (readText(ignore) !== "*\n") writeWhole(ignore, "*\n", 0o644);
}
