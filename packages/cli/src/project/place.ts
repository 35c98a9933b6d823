import type { Finding } from "@agentflow/protocol";
import type { PlacedFinding } from "../output/findings.ts";
import { placeOf } from "./document.ts";
import type { Project } from "./read-project.ts";

/** Findings that speak of a document by JSON pointer, with file, line, column and the source line. */
export function placeFindings(project: Project, file: string, findings: readonly Finding[]): PlacedFinding[] {
  const yaml = project.files.get(file);
  if (yaml === undefined) return findings.map((finding) => ({ ...finding, file }));
  return findings.map((finding) => ({ ...finding, ...placeOf(yaml, finding.path ?? "") }));
}
