import type { Finding } from "@agentflow/protocol";
import type { PlacedFinding } from "../output/findings.ts";
import { placeOf } from "./document.ts";
import type { Project } from "./read-project.ts";

/** Findings whose fault is the key itself, whatever stands under it. */
const aboutKeys: ReadonlySet<string> = new Set(["AF406", "AF940", "AF941", "AF943", "AF948"]);

/** Findings that speak of a document by JSON pointer, with file, line, column and the source line. */
export function placeFindings(project: Project, file: string, findings: readonly Finding[]): PlacedFinding[] {
  const yaml = project.files.get(file);
  if (yaml === undefined) return findings.map((finding) => ({ ...finding, file }));
  return findings.map((finding) => {
    const place = placeOf(yaml, finding.path ?? "", aboutKeys.has(finding.code) ? "key" : "value");
    return { ...finding, ...place };
  });
}

/** By file, line and column. */
export function inOrder(findings: readonly PlacedFinding[]): PlacedFinding[] {
  return findings.toSorted((a, b) => {
    const files = (a.file ?? "").localeCompare(b.file ?? "");
    return files || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
  });
}
