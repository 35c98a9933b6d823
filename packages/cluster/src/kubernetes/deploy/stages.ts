/** In which order a release's objects are applied, and what must be ready before the next. */
import type { JsonObject } from "@agentflow/protocol";
import { kubernetesLabels } from "../labels.ts";
import { isWorkload } from "./seen.ts";
import { kindOf, labelsOf } from "./reading.ts";

/** Everything that runs nothing first; then part by part, each ready before the next begins. */
export function stagesOf(objects: readonly JsonObject[]): readonly (readonly JsonObject[])[] {
  const stages = new Map<number, JsonObject[]>();
  for (const object of objects) {
    const stage = stageOf(object);
    stages.set(stage, [...(stages.get(stage) ?? []), object]);
  }
  return [...stages].sort(([a], [b]) => a - b).map(([, of]) => of);
}

function stageOf(object: JsonObject): number {
  if (!isWorkload({ kind: kindOf(object) })) return 0;
  const part = labelsOf(object)[kubernetesLabels.part] ?? "";
  if (part === "keys") return 1;
  if (part === "nats") return 2;
  if (part === "control-plane") return 3;
  return part === "register" ? 5 : 4;
}

/** Says which build new runs take: of several that ran, the last one holds. */
export function isRegister(object: JsonObject): boolean {
  return kindOf(object) === "Job" && labelsOf(object)[kubernetesLabels.part] === "register";
}

/** Its template cannot be changed: another one takes its place. */
export function isReplacedWhenChanged(object: JsonObject): boolean {
  return kindOf(object) === "Job";
}
