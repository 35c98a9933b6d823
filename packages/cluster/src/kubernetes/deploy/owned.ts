/** What may be an object of a release: a list of ours that names another one was written by somebody else. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { kubernetesLabels, manager } from "../labels.ts";
import type { ObjectName } from "./access.ts";
import { labelsOf, titleOf } from "./reading.ts";

export interface Owner {
  readonly project: string;
  readonly target: string;
}

/** All that a release renders, by group: nothing of the whole cluster, and nothing that is secret. */
const groups: Readonly<Record<string, readonly string[]>> = {
  "": ["ConfigMap", "PersistentVolumeClaim", "Service", "ServiceAccount"],
  apps: ["Deployment", "StatefulSet"],
  autoscaling: ["HorizontalPodAutoscaler"],
  batch: ["Job"],
  "keda.sh": ["ScaledObject", "TriggerAuthentication"],
  "networking.k8s.io": ["Ingress", "NetworkPolicy"],
  policy: ["PodDisruptionBudget"],
  "rbac.authorization.k8s.io": ["Role", "RoleBinding"],
};
const version = /^(?:([a-z0-9.-]+)\/)?v[0-9][a-z0-9]*$/;
/** Names end up in paths. */
const plainName = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;

/** By what it is called alone: kind, and a name that begins with the release's. */
export function mayHold(release: string, { apiVersion, kind, name }: ObjectName): boolean {
  const [, group = ""] = version.exec(apiVersion) ?? ["", "?"];
  const kinds = Object.hasOwn(groups, group) ? (groups[group] ?? []) : [];
  const isNamed = name === release || name.startsWith(`${release}-`);
  return kinds.includes(kind) && isNamed && name.length <= 253 && plainName.test(name);
}

/** Ours by its labels: what somebody has taken over, or a chart manages, is left alone. */
export function isOurs(object: JsonObject, { project, target }: Owner): boolean {
  const labels = labelsOf(object);
  return (
    labels[kubernetesLabels.managedBy] === manager &&
    labels[kubernetesLabels.project] === project &&
    labels[kubernetesLabels.target] === target
  );
}

/**
 * Why an object that is there may not be applied over; undefined when it may. Another release of ours is
 * never taken over: two of them in one namespace can come to the same name, as a-b of c and a of b-c.
 */
export function foreign(
  live: JsonObject,
  of: { readonly owner: Owner; readonly isKnown: boolean; readonly force: boolean },
): AgentFlowError | undefined {
  const { owner, isKnown, force } = of;
  if (isOurs(live, owner)) return undefined;
  const labels = labelsOf(live);
  const [project, target] = [labels[kubernetesLabels.project], labels[kubernetesLabels.target]];
  const object = titleOf(live);
  if (
    project !== undefined &&
    target !== undefined &&
    (project !== owner.project || target !== owner.target)
  ) {
    const whose = `${object} belongs to target ${target} of project ${project}`;
    return new AgentFlowError("conflict", `${whose}; af deploy leaves it alone`, {
      reason: "object_of_another_release",
      details: { object, project, target },
      suggestions: [
        "deploy to another namespace: `namespace:` of the target",
        "or call the target otherwise",
      ],
    });
  }
  if (isKnown || force) return undefined;
  return new AgentFlowError("conflict", `${object} is there already, and is none of ours`, {
    reason: "object_of_another",
    details: { object },
    suggestions: [
      "take it over: --force-conflicts",
      "or deploy to another namespace: `namespace:` of the target",
    ],
  });
}
