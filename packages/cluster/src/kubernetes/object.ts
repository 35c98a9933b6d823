/** Objects as they are sent to a cluster: plain data that YAML can hold. */
import type { Json, JsonObject } from "@agentflow/protocol";

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMetadata;
  readonly [key: string]: Json | undefined;
}

export interface ObjectMetadata extends JsonObject {
  readonly name: string;
}

/** How an object is named where people read: `Deployment/triage-prod-worker-default-0f3a`. */
export function objectTitle({ kind, metadata }: KubernetesObject): string {
  return `${kind}/${metadata.name}`;
}
