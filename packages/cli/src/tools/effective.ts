/** What a call of a tool really gets: as the code and agentflow.yaml say, and as this machine has it. */
import {
  AgentFlowError,
  type Callable,
  type SandboxKey,
  type SandboxOrigin,
  type SandboxPlan,
} from "@agentflow/protocol";
import type { SandboxProbe } from "../local/sandbox-probe.ts";
import { pick } from "../not-found.ts";
import { readProject } from "../project/read-project.ts";

export interface EffectiveTool extends Omit<Callable, "sandbox"> {
  /** Where its calls run: a sandbox of its own each, or a runner that serves other calls too. */
  readonly runsIn: "sandbox" | "runner";
  readonly sandbox?: EffectiveSandbox;
}

export interface EffectiveSandbox {
  readonly asked: SandboxPlan["asked"];
  readonly effective: { readonly [Key in SandboxKey]: EffectiveValue };
  readonly here: SandboxProbe;
  /** Targets of containers: who makes the sandbox there, or why it is refused. */
  readonly targets: readonly SandboxOfTarget[];
}

export interface EffectiveValue {
  readonly value: string | number | readonly string[];
  readonly from: SandboxOrigin;
}

export interface SandboxOfTarget {
  readonly target: string;
  readonly allowed: boolean;
  readonly why: string;
}

export async function effectiveTool(dir: string, name: string): Promise<EffectiveTool> {
  const { loadCode } = await import("../local/load-code.ts");
  const [loaded, project] = await Promise.all([loadCode(dir), readProject(dir)]);
  if ("problem" in loaded) {
    throw new AgentFlowError(
      "invalid_project",
      `the project's code does not load: ${loaded.problem.message}`,
      {
        reason: "code_broken",
        details: { ...loaded.problem },
        suggestions: ["af validate"],
      },
    );
  }
  const items = loaded.manifest.tools;
  const { sandbox: plan, ...tool } = pick({ kind: "tool", name, items, nameOf: (one) => one.name });
  if (plan === undefined) return { ...tool, runsIn: "runner" };
  const { probeSandbox } = await import("../local/sandbox-probe.ts");
  const here = await probeSandbox({ dir, tool: tool.name, plan });
  const sandbox = {
    asked: plan.asked,
    effective: effectiveOf(plan),
    here,
    targets: targetsOf(project.files.get("agentflow.yaml")?.value),
  };
  return { ...tool, runsIn: "sandbox", sandbox };
}

function effectiveOf(plan: SandboxPlan): EffectiveSandbox["effective"] {
  const { from, profile, network, memoryMb, cpus, pids, tmpMb } = plan;
  return {
    profile: { value: profile, from: from.profile },
    network: { value: network.length === 0 ? "none" : network, from: from.network },
    memoryMb: { value: memoryMb, from: from.memoryMb },
    cpus: { value: cpus, from: from.cpus },
    pids: { value: pids, from: from.pids },
    tmpMb: { value: tmpMb, from: from.tmpMb },
  };
}

/** Workers in containers hold no engine: there only the project's own word brings the part that does. */
function targetsOf(project: unknown): readonly SandboxOfTarget[] {
  const targets = Object.entries(inside(project, "targets") ?? {}).filter(
    ([, target]) => isObject(target) && "kind" in target && target.kind === "docker",
  );
  const allowed = inside(project, "sandbox") !== undefined;
  const why = allowed
    ? "made by the part sandbox of the installation"
    : "refused: agentflow.yaml has no sandbox:, so no part may use the engine";
  return targets.map(([target]) => ({ target, allowed, why }));
}

function inside(value: unknown, key: string): object | undefined {
  if (!isObject(value)) return undefined;
  const found: unknown = Object.getOwnPropertyDescriptor(value, key)?.value;
  return isObject(found) ? found : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
