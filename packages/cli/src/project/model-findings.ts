/** What is wrong with the models of agentflow.yaml, each finding with its place. */
import { type ModelDefinition, parseReference } from "@agentflow/protocol";
import type { PlacedFinding } from "../output/findings.ts";
import { checkModels } from "./check-models.ts";
import { placeOf } from "./document.ts";
import { readModels, scriptFaults } from "./parse-definition.ts";
import { placeFindings } from "./place.ts";
import { type Project, readOne } from "./read-project.ts";

const file = "agentflow.yaml";

/** Providers are looked up only where there are models, and only in a file without other faults. */
export async function modelFindings(project: Project): Promise<PlacedFinding[]> {
  const yaml = project.files.get(file);
  const faulty = project.findings.some((finding) => finding.file === file && finding.severity === "error");
  const models = faulty ? {} : readModels(yaml?.value);
  if (Object.keys(models).length === 0) return [];
  const { openModels } = await import("../local/models.ts");
  const { facts, resolve } = await openModels(project.dir);
  const found = placeFindings(project, file, checkModels(models, facts, resolve));
  const scripts = await Promise.all(
    Object.entries(models).map(([name, model]) => scriptFindings(project, name, model)),
  );
  return [...found, ...scripts.flat()];
}

/** AF515: the script of a model that is scripted here is there and can be played. */
async function scriptFindings(
  project: Project,
  name: string,
  model: ModelDefinition,
): Promise<PlacedFinding[]> {
  const { isScriptedHere } = await import("../local/secrets.ts");
  const { script } = model;
  if (script === undefined || parseReference(script) !== undefined) return [];
  if (!(await isScriptedHere(project.dir, model))) return [];
  const yaml = await readOne(project.dir, script);
  if (yaml === undefined) {
    const message = `there is no script ${script}: calls of this model will fail`;
    const hint = "write it, or leave script: out";
    const path = `/models/${name.replaceAll("~", "~0").replaceAll("/", "~1")}/script`;
    return placeFindings(project, file, [{ code: "AF515", severity: "error", path, message, hint }]);
  }
  if (yaml.findings.some(({ severity }) => severity === "error")) return [...yaml.findings];
  const faults = await scriptFaults(yaml.value);
  return faults.map((fault) => ({ ...fault, ...placeOf(yaml, fault.path ?? "") }));
}
