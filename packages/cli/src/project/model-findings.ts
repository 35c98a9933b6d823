/** What is wrong with the models of agentflow.yaml, each finding with its place. */
import type { PlacedFinding } from "../output/findings.ts";
import { checkModels } from "./check-models.ts";
import { readModels } from "./parse-definition.ts";
import { placeFindings } from "./place.ts";
import type { Project } from "./read-project.ts";

const file = "agentflow.yaml";

/** Providers are looked up only where there are models, and only in a file without other faults. */
export async function modelFindings(project: Project): Promise<PlacedFinding[]> {
  const yaml = project.files.get(file);
  const faulty = project.findings.some((finding) => finding.file === file && finding.severity === "error");
  const models = faulty ? {} : readModels(yaml?.value);
  if (Object.keys(models).length === 0) return [];
  const { openModels } = await import("../local/models.ts");
  const { facts, resolve } = await openModels(project.dir);
  return placeFindings(project, file, checkModels(models, facts, resolve));
}
