/** A target of the project in a folder, opened: with the variables of here, and the numbers of `af scale`. */
import type { OpenedTarget } from "@agentflow/cluster";
import type { Engine, EngineAddress } from "@agentflow/cluster/engine";
import type { Finding } from "@agentflow/protocol";
import { AgentFlowError } from "@agentflow/protocol";
import { homedir } from "node:os";
import { needProject } from "../config/installation.ts";
import type { Environment } from "../config/context-places.ts";
import { placeFindings, readProject } from "../project/index.ts";
import type { Project } from "../project/read-project.ts";
import { chooseTarget, type Choosing } from "./choose.ts";
import { parseScale } from "./parse-scale.ts";
import { type Copies, readScale } from "./scale-file.ts";

export interface ProjectTarget {
  readonly dir: string;
  readonly target: OpenedTarget;
  /** What agentflow.yaml says, without `af scale`. */
  readonly authored: Copies;
  /** What differs from it: kept before, and told now. */
  readonly scale: Copies;
}

export interface Opening {
  readonly folder: string;
  readonly environment: Environment;
  readonly target: string | undefined;
  readonly context?: string | undefined;
  /** Which target is meant; by default the one on Docker. */
  readonly choose?: (of: Choosing) => string;
  /** `POOL=N`, as typed. */
  readonly scale: readonly string[];
  /** What is wrong in workflows and agents is refused too: they are about to be carried somewhere. */
  readonly whole?: boolean;
}

/** Refuses outside a project; what is wrong in agentflow.yaml comes with file, line and column. */
export async function openProjectTarget(opening: Opening): Promise<ProjectTarget> {
  const { folder, environment } = opening;
  const dir = needProject(folder);
  const project = await readProject(dir);
  const file = project.files.get("agentflow.yaml");
  const errors = project.findings.filter(({ severity }) => severity === "error");
  const own = opening.whole === true ? errors : errors.filter((one) => one.file === "agentflow.yaml");
  if (file === undefined || own.length > 0) throw invalid(own);
  const authored = file.value;
  const [{ openTarget }, { targetVariables }] = await Promise.all([
    import("@agentflow/cluster"),
    import("../local/target-variables.ts"),
  ]);
  const { values: variables } = await targetVariables(dir, { text: file.lines.join("\n"), environment });
  try {
    const { choose = chooseTarget } = opening;
    const name = choose({ ...opening, dir });
    const asWritten = await openTarget({ authored, target: name, variables });
    const written = copiesOf(asWritten);
    const pools = Object.keys(asWritten.settings.workers);
    const scale = { ...readScale(dir, name, written), ...parseScale(opening.scale, pools) };
    const isScaled = Object.keys(scale).length > 0;
    const target = isScaled ? await openTarget({ authored, target: name, variables, scale }) : asWritten;
    return { dir, target, authored: written, scale };
  } catch (error) {
    throw AgentFlowError.is(error) ? placed(error, project) : error;
  }
}

/** Where that target's engine is, opened. Whoever opens it closes it. */
export async function openTargetEngine(
  of: Pick<OpenedTarget, "name" | "settings">,
  environment: Environment,
): Promise<{ readonly engine: Engine; readonly address: EngineAddress }> {
  const [{ onDocker }, { findEngine, openEngine }] = await Promise.all([
    import("@agentflow/cluster"),
    import("@agentflow/cluster/engine"),
  ]);
  const { host, dockerContext } = onDocker(of);
  const address = await findEngine({
    target: of.name,
    environment,
    home: environment["HOME"] ?? homedir(),
    ...(host === undefined ? {} : { host }),
    ...(dockerContext === undefined ? {} : { context: dockerContext }),
  });
  return { engine: await openEngine(address), address };
}

export function copiesOf({ settings }: OpenedTarget): Copies {
  const workers = Object.entries(settings.workers).map(([pool, count]) => [`worker-${pool}`, count] as const);
  return { "control-plane": settings.controlPlanes, ...Object.fromEntries(workers) };
}

function invalid(findings: readonly Finding[]): AgentFlowError {
  return new AgentFlowError("invalid_project", findings[0]?.message ?? "agentflow.yaml cannot be read", {
    reason: "invalid_project",
    details: { findings },
    suggestions: ["af validate"],
  });
}

/** Pointers of its findings as file, line and column. */
function placed(error: AgentFlowError, project: Project): AgentFlowError {
  const { findings } = error.details;
  if (!Array.isArray(findings)) return error;
  const { code, message, reason, details, suggestions } = error;
  return new AgentFlowError(code, message, {
    reason,
    details: { ...details, findings: placeFindings(project, "agentflow.yaml", findings) },
    suggestions,
    cause: error.cause,
  });
}
