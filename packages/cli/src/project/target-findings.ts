/** AF940 to AF950: what is wrong with the targets of agentflow.yaml, each finding with its place. */
import type { PlacedFinding } from "../output/findings.ts";
import { readDefinition } from "./parse-definition.ts";
import { placeFindings } from "./place.ts";
import type { Project } from "./read-project.ts";

const file = "agentflow.yaml";

/** Looked at only where there are targets, and only in a file without other faults. */
export async function targetsFindings(project: Project): Promise<PlacedFinding[]> {
  const value = project.files.get(file)?.value;
  if (typeof value !== "object" || value === null || !("targets" in value)) return [];
  if (project.findings.some((one) => one.file === file && one.severity === "error")) return [];
  const { targetFindings } = await import("@agentflow/cluster");
  const { project: definition, document } = readDefinition(value);
  return placeFindings(project, file, await targetFindings(definition, document));
}
