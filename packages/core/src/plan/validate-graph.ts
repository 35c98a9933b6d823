/** AF1xx: how the steps hang together. */
import type { StepId } from "@agentflow/protocol";
import { didYouMean } from "../expr/suggest.ts";
import { type Findings, error, warning } from "./findings.ts";
import { type InspectedPlan, type InspectedStep, stepPath } from "./inspected.ts";
import { planLimits } from "./limits.ts";
import { topologicalOrder } from "./order.ts";

export function checkGraph(inspected: InspectedPlan, findings: Findings): void {
  const { steps } = inspected;
  if (steps.size > planLimits.stepsMax) {
    const message = `${steps.size} steps, at most ${planLimits.stepsMax} are allowed`;
    error(findings, { code: "AF007", path: "/steps", message });
  }
  checkCycle(inspected, findings);
  for (const step of steps.values()) {
    checkJoin(step, findings);
    checkHandler(step, inspected, findings);
    checkCatch(step, inspected, findings);
    checkNeedsOfHandlers(step, inspected, findings);
  }
}

function checkCycle({ steps }: InspectedPlan, findings: Findings): void {
  const needs = new Map([...steps.values()].map(({ id, def }) => [id, def.needs] as const));
  const { cycle } = topologicalOrder(needs);
  if (cycle === undefined) return;
  const message = `these steps wait for each other: ${cycle.join(" → ")}`;
  const hint = "a step comes after what it needs and what its expressions read";
  error(findings, { code: "AF102", path: stepPath(cycle[0] ?? ""), message, hint });
}

function checkJoin({ id, def }: InspectedStep, findings: Findings): void {
  const path = stepPath(id, "/join");
  const count = def.needs.length;
  if (def.join === "any" && count < 2) {
    const message = `join: any waits for one of several steps, but ${id} needs ${count}`;
    warning(findings, {
      code: "AF105",
      path,
      message,
      hint: "list the steps in `needs`, or leave `join` out",
    });
  }
  if (!def.join.startsWith("n:") || Number(def.join.slice(2)) <= count) return;
  const message = `join: ${def.join} can never be met, because ${id} needs ${count} steps`;
  error(findings, { code: "AF105", path, message });
}

function checkHandler(step: InspectedStep, { steps }: InspectedPlan, findings: Findings): void {
  const [caller, second] = step.callers;
  if (caller === undefined) return;
  if (second !== undefined) {
    const message = `a handler belongs to one step; ${step.id} is named by ${step.callers.join(" and ")}`;
    error(findings, { code: "AF108", path: stepPath(second, "/catch/then"), message });
  }
  const before = new Set([caller, ...ancestorsOf(caller, steps)]);
  for (const need of step.def.needs.filter((id) => !before.has(id))) {
    const message = `${step.id} handles failures of ${caller}: ${need} does not come before it`;
    error(findings, { code: "AF109", path: stepPath(step.id), message });
  }
}

/** A text that nearly names a step was meant as a handler, and the handler would never run. */
function checkCatch({ id, def }: InspectedStep, { steps }: InspectedPlan, findings: Findings): void {
  const then = def.catch !== undefined && "value" in def.catch ? def.catch.value : undefined;
  if (typeof then !== "string" || then.includes(" ") || then.includes("${")) return;
  const near = didYouMean(then, [...steps.keys()]);
  if (near === "") return;
  const message = `${JSON.stringify(then)} is no step, so it becomes the output of ${id}${near}`;
  warning(findings, { code: "AF103", path: stepPath(id, "/catch/then"), message });
}

function checkNeedsOfHandlers(step: InspectedStep, { steps }: InspectedPlan, findings: Findings): void {
  for (const need of step.def.needs) {
    const [caller] = steps.get(need)?.callers ?? [];
    if (caller === undefined || step.callers.some((id) => id === need)) continue;
    const message = `${step.id} waits for ${need}, which runs only when ${caller} fails`;
    const hint = `need or read ${caller} instead: what ${need} gives stands as its output`;
    error(findings, { code: "AF107", path: stepPath(step.id), message, hint });
  }
}

function ancestorsOf(id: StepId, steps: InspectedPlan["steps"]): Set<StepId> {
  const found = new Set<StepId>();
  const open = [id];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const need of steps.get(at)?.def.needs ?? []) {
      if (!found.has(need)) open.push(need);
      found.add(need);
    }
  }
  return found;
}
