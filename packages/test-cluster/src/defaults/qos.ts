/** How well a pod is served when its node runs short. */
import { listAt, objectAt } from "../draft.ts";
import type { JsonObject } from "../object.ts";

export function qosClassOf(spec: JsonObject): "Guaranteed" | "Burstable" | "BestEffort" {
  const containers = [...listAt(spec, "containers"), ...listAt(spec, "initContainers")];
  const resources = containers.map((one) => ({
    limits: objectAt(one, "resources", "limits"),
    requests: objectAt(one, "resources", "requests"),
  }));
  const counted = ["cpu", "memory"];
  const asks = (one: JsonObject): boolean => counted.some((name) => one[name] !== undefined);
  if (!resources.some(({ limits, requests }) => asks(limits) || asks(requests))) return "BestEffort";
  const whole = resources.every(({ limits, requests }) =>
    counted.every((name) => limits[name] !== undefined && (requests[name] ?? limits[name]) === limits[name]),
  );
  return whole ? "Guaranteed" : "Burstable";
}
