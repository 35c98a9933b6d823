/** Parts that run once. A job is never changed: another one takes its place, under another name. */
import type { JsonObject } from "@agentflow/protocol";
import type { Part } from "../../model/installation.ts";
import type { KubernetesObject } from "../object.ts";
import { serviceAccounts } from "./access.ts";
import { made, type Making } from "./making.ts";
import { hashOf, podTemplate, type PodOptions } from "./pod.ts";

export function keysJob(making: Making, part: Part): KubernetesObject {
  const { release } = making;
  const options = { serviceAccount: serviceAccounts.keys(release), token: true };
  return job(making, part, { options, backoffLimit: 6, deadlineSeconds: 900 });
}

export function registerJob(making: Making, part: Part): KubernetesObject {
  const { release } = making;
  const options = { serviceAccount: serviceAccounts.plain(release) };
  // It waits for workers by itself; what it finds wrong in the project no second try makes right.
  return job(making, part, { options, backoffLimit: 2, deadlineSeconds: 1_200 });
}

interface JobOptions {
  readonly options: PodOptions;
  readonly backoffLimit: number;
  readonly deadlineSeconds: number;
}

function job(making: Making, part: Part, of: JobOptions): KubernetesObject {
  const template = podTemplate(making, part, { ...of.options, restartPolicy: "Never" });
  const spec: JsonObject = {
    backoffLimit: of.backoffLimit,
    activeDeadlineSeconds: of.deadlineSeconds,
    template,
  };
  const name = `${making.release}-${part.name}-${hashOf(spec)}`;
  return made(making, { apiVersion: "batch/v1", kind: "Job", name, part }, { spec });
}
