/** The scale subresource: a small object that stands for `spec.replicas` of another. */
import { numberAt, objectAt, textAt, without, withMetadata } from "../json.ts";
import type { JsonObject, KubeObject } from "../object.ts";
import { patched } from "../patch/patch.ts";
import { shapeOf } from "../schema/shapes.ts";
import { invalid } from "./status.ts";
import type { PatchKind } from "./writes.ts";

export function scaleOf(object: KubeObject): JsonObject {
  const metadata = objectAt(object, "metadata");
  const kept = ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"];
  const replicas = numberAt(object, "spec", "replicas") ?? 0;
  const wanted = objectAt(object, "spec", "selector", "matchLabels");
  const selector = Object.keys(wanted).map((key) => `${key}=${textAt(wanted, key) ?? ""}`);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: Object.fromEntries(Object.entries(metadata).filter(([key]) => kept.includes(key))),
    spec: replicas === 0 ? {} : { replicas },
    status: {
      replicas: numberAt(object, "status", "replicas") ?? 0,
      ...(selector.length === 0 ? {} : { selector: selector.join(",") }),
    },
  };
}

export function patchedScale(object: KubeObject, kind: PatchKind, text: string): JsonObject {
  const type = kind === "apply" ? "merge" : kind;
  return patched(scaleOf(object), { type, text }, shapeOf("autoscaling", "v1", "Scale"));
}

/** The object with the replicas, and the version, that the scale asks for. */
export function withScale(object: KubeObject, scale: JsonObject): JsonObject {
  const replicas = numberAt(scale, "spec", "replicas") ?? 0;
  if (replicas < 0) {
    const message = `Invalid value: ${replicas}: must be greater than or equal to 0`;
    const cause = { reason: "FieldValueInvalid", message, field: "spec.replicas" };
    throw invalid({ group: "autoscaling", kind: "Scale" }, object.metadata.name, [cause]);
  }
  const resourceVersion = textAt(scale, "metadata", "resourceVersion");
  const scaled = { ...object, spec: { ...objectAt(object, "spec"), replicas } };
  return resourceVersion === undefined ? scaled : withMetadata(without(scaled), { resourceVersion });
}
