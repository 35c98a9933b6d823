/** Everything that can be known of a project without running it. */
import type { Finding, LoadProblem, Manifest } from "@agentflow/protocol";
import type { PlacedFinding } from "../output/findings.ts";
import { agentFindings } from "./agent-findings.ts";
import { problemFinding } from "./load-problem.ts";
import { modelFindings } from "./model-findings.ts";
import { inOrder, placeFindings } from "./place.ts";
import { poolFindings } from "./pool-findings.ts";
import { type Project, readProject } from "./read-project.ts";
import { sandboxFindings } from "./sandbox-findings.ts";
import { scanCode } from "./scan-code.ts";
import { secretFindings } from "./secret-findings.ts";
import { targetsFindings } from "./target-findings.ts";

export interface Checked {
  /** By file, line and column; errors and warnings. */
  readonly findings: readonly PlacedFinding[];
  readonly workflows: readonly string[];
  readonly tools: readonly string[];
  readonly agents: readonly string[];
}

/** Reads the files, loads the code in a process of its own, checks every workflow against both. */
export async function validateProject(dir: string): Promise<Checked> {
  const [project, scanned, loaded] = await Promise.all([readProject(dir), scanCode(dir), load(dir)]);
  const { manifest } = loaded;
  const findings = [...project.findings, ...scanned];
  // A file that is at fault cannot load either: said once, where it is exact.
  const faulty = new Set(findings.filter(({ severity }) => severity === "error").map(({ file }) => file));
  if (loaded.problem !== undefined && !faulty.has(loaded.problem.file)) {
    findings.push(problemFinding(loaded.problem));
  }
  findings.push(...(await workflowFindings(project, manifest)), ...(await settingFindings(project)));
  findings.push(...(await agentFindings(project, manifest)), ...(await modelFindings(project)));
  findings.push(...(await secretFindings(project, manifest)), ...sandboxFindings(project, manifest));
  findings.push(...(await targetsFindings(project)), ...poolFindings(project));
  const fromCode = manifest?.workflows.map(({ name }) => name) ?? [];
  return {
    findings: inOrder(findings),
    workflows: [...project.workflows.map(({ definition }) => definition.name), ...fromCode],
    tools: manifest?.tools.map(({ name }) => name) ?? [],
    agents: manifest?.agents.map(({ name }) => name) ?? [],
  };
}

/** Settings are checked by what reads them, which is loaded only where there are some. */
async function settingFindings(project: Project): Promise<PlacedFinding[]> {
  const file = "agentflow.yaml";
  const root = project.files.get(file)?.value;
  if (typeof root !== "object" || root === null || !("settings" in root)) return [];
  const { settingFaults } = await import("../local/settings.ts");
  return placeFindings(project, file, await settingFaults(project.dir));
}

interface Loaded {
  readonly manifest?: Manifest;
  readonly problem?: LoadProblem;
}

async function load(dir: string): Promise<Loaded> {
  const { loadCode } = await import("../local/load-code.ts");
  return loadCode(dir);
}

/** Findings about tools and agents that the code does or does not define. */
const aboutCode: ReadonlySet<string> = new Set(["AF501", "AF502"]);

async function workflowFindings(project: Project, manifest: Manifest | undefined): Promise<PlacedFinding[]> {
  const [{ catalogOf }, { compileWorkflow }] = await Promise.all([
    import("@agentflow/core/plan"),
    import("@agentflow/core/planner"),
  ]);
  // Without the code nobody can say which tools there are: only what stands in the file is checked then.
  const known = manifest ?? { tools: [], agents: [] };
  const catalog = catalogOf(known, { strict: manifest !== undefined });
  const authored = project.workflows.flatMap(({ definition, file }) => {
    const { findings } = compileWorkflow(definition, catalog);
    const certain = manifest === undefined ? findings.filter(({ code }) => !aboutCode.has(code)) : findings;
    return placeFindings(project, file, certain);
  });
  const written = (manifest?.workflows ?? []).flatMap((definition) =>
    compileWorkflow(definition, catalog).findings.map((finding): Finding => {
      return { ...finding, message: `workflow ${definition.name}: ${finding.message}` };
    }),
  );
  return [...authored, ...written];
}
