/** AF530 to AF532: what tools ask of their sandboxes, and what the project says of it. */
import type { Callable, Finding, Manifest, SandboxLimits, SandboxPlan } from "@agentflow/protocol";
import type { PlacedFinding } from "../output/findings.ts";
import { placeFindings } from "./place.ts";
import type { Project } from "./read-project.ts";

const file = "agentflow.yaml";

/** Nothing without the code: what it asks for is not known then. */
export function sandboxFindings(project: Project, manifest: Manifest | undefined): PlacedFinding[] {
  if (manifest === undefined) return [];
  const own = manifest.tools.flatMap((tool) => toolFindings(tool));
  return [...own, ...placeFindings(project, file, patternFindings(project, manifest))];
}

function toolFindings(tool: Callable): PlacedFinding[] {
  const { sandbox } = tool;
  if (sandbox === undefined) return [];
  if (sandbox.refused !== undefined) {
    const hint = "each of its calls is refused: add the host there, or take it out of the tool";
    return [{ code: "AF530", severity: "error", file: tool.file, message: sandbox.refused, hint }];
  }
  const less = cut(sandbox);
  if (less.length === 0) return [];
  const what = `${tool.name} gets less than it asks for: ${less.join(", ")}`;
  const message = `${what} (sandbox.limits of agentflow.yaml)`;
  return [{ code: "AF532", severity: "warning", file: tool.file, message }];
}

function cut(plan: SandboxPlan): string[] {
  const keys: readonly (keyof SandboxLimits)[] = ["memoryMb", "cpus", "pids", "tmpMb"];
  return keys.flatMap((key) => {
    const asked = plan.asked.definition?.[key];
    return asked === undefined || asked <= plan[key] ? [] : [`${key} ${plan[key]} of ${asked}`];
  });
}

/** A pattern that names nothing leaves trusted what somebody meant not to be. */
function patternFindings(project: Project, { tools }: Manifest): Finding[] {
  return patternsOf(project.files.get(file)?.value).flatMap((pattern, i): Finding[] => {
    const names = pattern.endsWith(".*")
      ? tools.filter(({ name }) => name.startsWith(pattern.slice(0, -1)))
      : tools.filter(({ name }) => name === pattern);
    if (names.length > 0) return [];
    const message = `there is no tool ${pattern}: nothing becomes untrusted by it`;
    return [{ code: "AF531", severity: "error", path: `/sandbox/tools/${i}`, message, hint: "af tool list" }];
  });
}

function patternsOf(project: unknown): readonly string[] {
  const tools = inside(inside(project, "sandbox"), "tools");
  return Array.isArray(tools) ? tools.filter((one) => typeof one === "string") : [];
}

function inside(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}
