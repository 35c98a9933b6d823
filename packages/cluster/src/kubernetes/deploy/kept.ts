/** Objects of a revision, before they are applied again: who may write Secrets may have made them up. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { identityOf } from "./access.ts";
import { isOurs, mayHold, type Owner } from "./owned.ts";
import { at, kindOf, listAt, objectAt, objectsAt, textAt, titleOf } from "./reading.ts";

export interface KeptOf {
  readonly release: string;
  readonly namespace: string;
  readonly owner: Owner;
}

/** Refuses, naming each, what no deploy of this release has ever applied. */
export function checkKept(objects: readonly JsonObject[], of: KeptOf & { readonly number: number }): void {
  const wrong = objects.filter((object) => !isPlausible(object, of)).map(titleOf);
  if (wrong.length === 0) return;
  throw new AgentFlowError(
    "refused",
    `revision ${of.number} was not made by af deploy: ${wrong.join(", ")}`,
    {
      reason: "revision_forged",
      details: { revision: of.number, objects: wrong },
      suggestions: [
        "who may write Secrets there? kubectl auth can-i --list",
        "another revision: af deploy list",
      ],
    },
  );
}

function isPlausible(object: JsonObject, { release, namespace, owner }: KeptOf): boolean {
  const within = textAt(object, "metadata", "namespace");
  if (within !== "" && within !== namespace) return false;
  if (!mayHold(release, identityOf(object)) || !isOurs(object, owner)) return false;
  if (kindOf(object) === "RoleBinding") return textAt(object, "roleRef", "kind") === "Role";
  if (kindOf(object) === "Role") return objectsAt(object, "rules").every(isNarrow);
  return isWithinPod(objectAt(object, "spec", "template", "spec"));
}

function isNarrow(rule: JsonObject): boolean {
  return ["apiGroups", "resources", "verbs"].every((key) => !listAt(rule, key).includes("*"));
}

const volumes = new Set(["name", "emptyDir", "secret", "configMap", "projected", "persistentVolumeClaim"]);

/** Nothing of its node. */
function isWithinPod(pod: JsonObject): boolean {
  const containers = ["containers", "initContainers"].flatMap((key) => objectsAt(pod, key));
  return (
    ["hostNetwork", "hostPID", "hostIPC"].every((key) => at(pod, key) !== true) &&
    objectsAt(pod, "volumes").every((volume) => Object.keys(volume).every((key) => volumes.has(key))) &&
    containers.every((one) => at(one, "securityContext", "privileged") !== true)
  );
}
