/** What a call of a tool really gets: as the code and agentflow.yaml say, and as this machine has it. */
import {
  AgentFlowError,
  type Callable,
  type SandboxApplied,
  type SandboxKey,
  type SandboxOrigin,
  type SandboxPlan,
  planSandbox,
} from "@agentflow/protocol";
import type { SandboxProbe } from "../local/sandbox-probe.ts";
import type { Environment } from "../config/context-places.ts";
import { pick } from "../not-found.ts";
import { readProject } from "../project/read-project.ts";
import type { SandboxInCluster } from "./in-cluster.ts";

export interface EffectiveTool extends Omit<Callable, "sandbox"> {
  /** Where its calls run: a sandbox of its own each, or a runner that serves other calls too. */
  readonly runsIn: "sandbox" | "runner";
  readonly sandbox?: EffectiveSandbox;
}

export interface EffectiveSandbox {
  readonly asked: SandboxPlan["asked"];
  readonly effective: { readonly [Key in SandboxKey]: EffectiveValue };
  /** On this machine; of a target in a cluster that is asked for: there. */
  readonly here?: SandboxProbe;
  readonly inCluster?: SandboxInCluster;
  /** Why no call is made there. */
  readonly refused?: string;
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

export interface EffectiveOf {
  readonly dir: string;
  readonly tool: string;
  /** One in a cluster; this machine when left out. */
  readonly target?: string | undefined;
  readonly environment: Environment;
}

export async function effectiveTool({
  dir,
  tool: name,
  target,
  environment,
}: EffectiveOf): Promise<EffectiveTool> {
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
  const targets = targetsOf(project.files.get("agentflow.yaml")?.value);
  if (target !== undefined) {
    const { sandboxInCluster } = await import("./in-cluster.ts");
    const { policy, there } = await sandboxInCluster({ dir, target, environment });
    // By the target's own word: its overlay may be stricter than the file.
    const planned = planSandbox(tool.name, plan?.asked.definition, policy);
    if (planned === undefined) return { ...tool, runsIn: "runner" };
    const refused = planned.refused ?? (there === undefined ? noBroker : undefined);
    const sandbox = {
      asked: planned.asked,
      effective: effectiveOf(planned, "kubernetes"),
      ...(refused === undefined ? {} : { refused }),
      ...(there === undefined ? {} : { inCluster: there }),
      targets: [],
    };
    return { ...tool, runsIn: "sandbox", sandbox };
  }
  if (plan === undefined) return { ...tool, runsIn: "runner" };
  const { probeSandbox } = await import("../local/sandbox-probe.ts");
  const here = await probeSandbox({ dir, tool: tool.name, plan });
  return {
    ...tool,
    runsIn: "sandbox",
    sandbox: { asked: plan.asked, effective: effectiveOf(plan, plan.profile), here, targets },
  };
}

const noBroker = "agentflow.yaml has no sandbox:, so no part may make one";

function effectiveOf(plan: SandboxPlan, profile: SandboxApplied["profile"]): EffectiveSandbox["effective"] {
  const { from, network, memoryMb, cpus, pids, tmpMb } = plan;
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
  const isAsked = inside(project, "sandbox") !== undefined;
  return Object.entries(inside(project, "targets") ?? {}).flatMap(
    ([target, of]: [string, unknown]): SandboxOfTarget[] => {
      const kind = textIn(of, "kind");
      if (kind !== "docker" && kind !== "kubernetes") return [];
      const runtimeClass = textIn(of, "runtimeClass");
      if (!isAsked) return [{ target, allowed: false, why: `refused: ${noBroker}` }];
      if (kind === "docker")
        return [{ target, allowed: true, why: "made by the part sandbox of the installation" }];
      if (runtimeClass === undefined)
        return [{ target, allowed: false, why: "refused: it names no runtimeClass" }];
      const why = `a pod of RuntimeClass ${runtimeClass}; see --target ${target}`;
      return [{ target, allowed: true, why }];
    },
  );
}

function textIn(value: unknown, key: string): string | undefined {
  if (!isObject(value)) return undefined;
  const found: unknown = Object.getOwnPropertyDescriptor(value, key)?.value;
  return typeof found === "string" ? found : undefined;
}

function inside(value: unknown, key: string): object | undefined {
  if (!isObject(value)) return undefined;
  const found: unknown = Object.getOwnPropertyDescriptor(value, key)?.value;
  return isObject(found) ? found : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
