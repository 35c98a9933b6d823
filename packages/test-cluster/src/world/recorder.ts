/** Events (core/v1): repeats are counted in one object, as the clients of a real cluster see them. */
import { randomBytes } from "node:crypto";
import type { Store } from "../store.ts";
import { parseAny, parseCopy, parseObject, type Meta } from "./parse-kinds.ts";
import type { Time } from "./time.ts";

export interface Happening {
  readonly about: { readonly apiVersion: string; readonly kind: string; readonly metadata: Meta };
  readonly fieldPath?: string;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  readonly component: string;
  /** Of a kubelet. */
  readonly host?: string;
  /** Of the scheduler, whose Events count nothing. */
  readonly action?: string;
}

export interface Recorder {
  record(happening: Happening): void;
}

export function recorder(store: Store, time: Time): Recorder {
  const known = new Map<string, string>();
  return {
    record(happening) {
      const { about } = happening;
      const namespace = about.metadata.namespace ?? "default";
      if (store.get({ resource: "namespaces", namespace: "", name: namespace }) === undefined) return;
      const same = JSON.stringify([
        about.metadata.uid,
        happening.fieldPath,
        happening.type,
        happening.reason,
        happening.message,
        happening.component,
      ]);
      const name = known.get(same);
      if (name !== undefined && repeat(store, { namespace, name }, happening, time)) return;
      const made = `${about.metadata.name}.${randomBytes(8).toString("hex")}`;
      known.set(same, made);
      store.put({ resource: "events", namespace, name: made }, parseObject(eventOf(happening, made, time)));
    },
  };
}

function repeat(
  store: Store,
  at: { readonly namespace: string; readonly name: string },
  happening: Happening,
  time: Time,
): boolean {
  const key = { resource: "events", ...at };
  const kept = store.get(key);
  if (kept === undefined) return false;
  const draft = parseCopy(kept);
  const event = parseAny(draft);
  if (happening.action !== undefined) return true;
  const count = typeof draft["count"] === "number" ? draft["count"] : 1;
  Object.assign(event, { count: count + 1, lastTimestamp: time.stamp() });
  store.put(key, draft);
  return true;
}

function eventOf(happening: Happening, name: string, time: Time): unknown {
  const { about, action, component, host } = happening;
  const counted = action === undefined;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: about.metadata.namespace ?? "default" },
    involvedObject: {
      kind: about.kind,
      namespace: about.metadata.namespace,
      name: about.metadata.name,
      uid: about.metadata.uid,
      apiVersion: about.apiVersion,
      resourceVersion: about.metadata.resourceVersion,
      fieldPath: happening.fieldPath,
    },
    reason: happening.reason,
    message: happening.message,
    source: counted ? { component, host } : {},
    firstTimestamp: counted ? time.stamp() : null,
    lastTimestamp: counted ? time.stamp() : null,
    count: counted ? 1 : undefined,
    type: happening.type,
    eventTime: counted ? null : time.microStamp(),
    action,
    reportingComponent: component,
    reportingInstance: counted ? (host ?? "") : `${component}-test`,
  };
}
