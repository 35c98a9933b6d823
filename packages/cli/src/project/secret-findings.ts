/** Warnings about secrets that something asks for and nobody has set: no fault, but its runs will fail. */
import type { Finding, Manifest } from "@agentflow/protocol";
import type { PlacedFinding } from "../output/findings.ts";
import { modelsOf } from "../secrets/uses.ts";
import { placeFindings } from "./place.ts";
import type { Project } from "./read-project.ts";

export async function secretFindings(
  project: Project,
  manifest: Manifest | undefined,
): Promise<PlacedFinding[]> {
  const models = modelsOf(project.files.get("agentflow.yaml")?.value);
  const { isScriptedHere, missingHere, usesOf } = await import("../local/secrets.ts");
  const entries = typeof models === "object" && models !== null ? Object.entries(models) : [];
  const asking: [string, unknown][] = [];
  for (const entry of entries) if (!(await isScriptedHere(project.dir, entry[1]))) asking.push(entry);
  const missing = await missingHere(project.dir, usesOf(Object.fromEntries(asking), manifest));
  return missing.flatMap(({ usedBy, kind, name, next }) => {
    const what = kind === "secret" ? `the secret ${name}` : `the variable ${name}`;
    const alias = usedBy.startsWith("model:") ? usedBy.slice("model:".length) : undefined;
    const finding: Finding = {
      code: "AF930",
      severity: "warning",
      message: `${what} is not set${alias === undefined ? `: ${usedBy} asks for it` : ""}`,
      hint: next,
    };
    if (alias !== undefined) {
      const path = `/models/${alias.replaceAll("~", "~0").replaceAll("/", "~1")}/apiKey`;
      return placeFindings(project, "agentflow.yaml", [{ ...finding, path }]);
    }
    const [, callable] = usedBy.split(":");
    const file = [...(manifest?.tools ?? []), ...(manifest?.agents ?? [])].find(
      (one) => one.name === callable,
    )?.file;
    return [{ ...finding, ...(file === undefined ? {} : { file }) }];
  });
}
