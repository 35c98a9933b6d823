/** The project's secrets as an object of the cluster: made from the values known here, kept nowhere else. */
import type { JsonObject } from "@agentflow/protocol";
import { kubernetesLabels } from "../labels.ts";
import { type Release, releaseNames } from "../release.ts";
import type { Access } from "./access.ts";
import type { DeploySecrets } from "./deploying.ts";
import { isOfOtherBuild } from "./inventory.ts";
import { ownLabels } from "./namespace.ts";
import type { InventoryEntry } from "./parse-objects.ts";
import { textsAt } from "./reading.ts";

/**
 * One without a value here stays as it is there; one that nobody asks for goes, once there are no workers of
 * another build any more: their runs began when it was asked for.
 */
export async function secretObject(of: {
  readonly access: Access;
  readonly release: Release;
  readonly secrets: DeploySecrets;
  readonly isNamespaceThere: boolean;
  readonly inventory: readonly InventoryEntry[];
}): Promise<JsonObject | undefined> {
  const { access, release, secrets, isNamespaceThere, inventory } = of;
  const name = releaseNames.secrets(release.name);
  const identity = { apiVersion: "v1", kind: "Secret", name };
  const live = isNamespaceThere ? await access.get(identity) : undefined;
  const there = textsAt(live, "data");
  const others = inventory.some((one) => one.kind === "Deployment" && isOfOtherBuild(one, release.build));
  const names = new Set([...secrets.names, ...(others ? Object.keys(there) : [])]);
  const data = [...names].flatMap((key): [string, string][] => {
    const value = secrets.values.get(key);
    const text = value === undefined ? there[key] : Buffer.from(value, "utf8").toString("base64");
    return text === undefined ? [] : [[key, text]];
  });
  if (data.length === 0 && live === undefined) return undefined;
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, labels: { ...ownLabels(release), [kubernetesLabels.part]: "secrets" } },
    type: "Opaque",
    data: Object.fromEntries(data),
  };
}
