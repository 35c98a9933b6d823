/** What is wrong with a project's agents, each finding with its place: in YAML, in a prompt, or by name. */
import type { Finding, Manifest } from "@agentflow/protocol";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { PlacedFinding } from "../output/findings.ts";
import { type AgentFinding, checkAgents } from "./check-agents.ts";
import { placeFindings } from "./place.ts";
import type { Project } from "./read-project.ts";

/** Without the code nobody can say which tools and agents there are: then nothing is said. */
export async function agentFindings(
  project: Project,
  manifest: Manifest | undefined,
): Promise<PlacedFinding[]> {
  if (manifest?.agents.some(({ agent }) => agent !== undefined) !== true) return [];
  const found = checkAgents(manifest, await import("@agentflow/core/expr"));
  return Promise.all(found.map((finding) => placed(project, finding)));
}

async function placed(project: Project, { file, offset, ...finding }: AgentFinding): Promise<PlacedFinding> {
  const authored = project.agents.find((agent) => agent.file === file);
  if (authored === undefined) {
    const name = file.replace(/^agents\//, "").replace(/\.\w+$/, "");
    const { path: _, ...rest } = finding;
    return { ...rest, file, message: `agent ${name}: ${finding.message}` };
  }
  const { instructions } = authored.definition;
  if (finding.path === "/instructions" && typeof instructions === "object" && offset !== undefined) {
    return placeInText(project.dir, instructions.file, { finding, offset });
  }
  const [one] = placeFindings(project, file, [finding]);
  return one ?? { ...finding, file };
}

async function placeInText(
  dir: string,
  file: string,
  of: { readonly finding: Finding; readonly offset: number },
): Promise<PlacedFinding> {
  const { path: _, ...finding } = of.finding;
  const text = await readFile(join(dir, file), "utf8").catch(() => "");
  const before = text.slice(0, of.offset).split("\n");
  const source = text.split("\n")[before.length - 1];
  return {
    ...finding,
    file,
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    ...(source === undefined ? {} : { source: source.replace(/\r$/, "") }),
  };
}
