/** What names in the cluster stand for: Services for their ready pods, pods for themselves. */
import { backendsOf } from "../controllers/endpoints.ts";
import type { Store } from "../store.ts";
import { get } from "../world/world.ts";
import type { Resolve } from "./name-server.ts";

/**
 * `<service>.<namespace>`, with `.svc` or `.svc.cluster.local` behind or not, and a pod's hostname before it.
 * A Service stands for its pods themselves: nothing translates its port, so `port` must equal `targetPort`.
 */
export function clusterNames(store: Store, server: string): Resolve {
  return (name) => {
    const [, inside = ""] = /^(.+?)(?:\.svc(?:\.cluster\.local)?)?\.?$/.exec(name) ?? [];
    const parts = inside.split(".");
    const namespace = parts.pop() ?? "";
    const service = parts.pop();
    if (service === undefined || parts.length > 1) return undefined;
    if (service === "kubernetes" && namespace === "default") return [server];
    const found = get(store, "services", { namespace, name: service });
    if (found === undefined) return undefined;
    const backends = backendsOf({ store }, found);
    const [hostname] = parts;
    const named =
      hostname === undefined
        ? backends
        : backends.filter((pod) => (pod.spec.hostname ?? pod.metadata.name) === hostname);
    if (hostname !== undefined && named.length === 0) return undefined;
    return named.flatMap((pod) => pod.status?.podIP ?? []);
  };
}
