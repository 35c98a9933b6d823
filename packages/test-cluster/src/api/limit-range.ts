/** LimitRange, of containers: what they get when they say nothing, and how much they may say. */
import { isObject, listAt, objectAt, textAt } from "../json.ts";
import type { Json, JsonObject } from "../object.ts";
import type { Store } from "../store.ts";
import { amountAt } from "./amounts.ts";
import type { Write } from "./change.ts";
import { forbidden } from "./status.ts";

/** The pod with defaults filled in, or a refusal. */
export function limited(store: Store, write: Write, pod: JsonObject): JsonObject {
  const limits = store
    .list("limitranges", write.namespace)
    .flatMap((range) => listAt(range, "spec", "limits"))
    .filter((one) => textAt(one, "type") === "Container");
  if (limits.length === 0) return pod;
  const spec = objectAt(pod, "spec");
  const containers = listAt(spec, "containers").map((one) => limits.reduce(filled, one));
  const told = containers.flatMap((one) => limits.flatMap((limit) => faults(one, limit)));
  if (told.length > 0) {
    const why = told.length === 1 ? (told[0] ?? "") : `[${told.join(", ")}]`;
    throw forbidden(write.resource, textAt(pod, "metadata", "name") ?? "", why);
  }
  return { ...pod, spec: { ...spec, containers } };
}

function filled(container: Json, limit: Json): Json {
  if (!isObject(container)) return container;
  const limits = { ...objectAt(limit, "default"), ...objectAt(container, "resources", "limits") };
  const asked = { ...objectAt(limit, "defaultRequest"), ...objectAt(container, "resources", "requests") };
  const resources = {
    ...objectAt(container, "resources"),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(Object.keys(asked).length === 0 ? {} : { requests: asked }),
  };
  return { ...container, resources };
}

function faults(container: Json, limit: Json): readonly string[] {
  const told: string[] = [];
  for (const [name, most] of textEntries(objectAt(limit, "max"))) {
    const said = textAt(container, "resources", "limits", name);
    if (said === undefined)
      told.push(`maximum ${name} usage per Container is ${most}.  No limit is specified`);
    else if ((amountAt({ said }, "said") ?? 0) > (amountAt({ most }, "most") ?? 0)) {
      told.push(`maximum ${name} usage per Container is ${most}, but limit is ${said}`);
    }
  }
  for (const [name, least] of textEntries(objectAt(limit, "min"))) {
    const said = textAt(container, "resources", "requests", name);
    if (said === undefined)
      told.push(`minimum ${name} usage per Container is ${least}.  No request is specified`);
    else if ((amountAt({ said }, "said") ?? 0) < (amountAt({ least }, "least") ?? 0)) {
      told.push(`minimum ${name} usage per Container is ${least}, but request is ${said}`);
    }
  }
  return told;
}

function textEntries(of: JsonObject): readonly (readonly [string, string])[] {
  return Object.keys(of).map((name) => [name, textAt(of, name) ?? ""] as const);
}
