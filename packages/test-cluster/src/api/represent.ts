/** The form in which a client wants objects: whole, as a Table, or metadata alone. */
import { objectAt, without } from "../json.ts";
import type { Json, JsonObject, KubeObject } from "../object.ts";
import type { Resource } from "./resources.ts";
import { apiVersionOf } from "./resources.ts";
import { StatusError } from "./status.ts";
import { columnsOf, rowOf } from "./table.ts";

export type Form = "whole" | "table" | "metadata";

const offered =
  "application/json, application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, " +
  "application/vnd.kubernetes.protobuf;stream=watch";

/** Of what the client accepts the first that this server can give. */
export function formOf(accept: string): Form {
  if (accept === "") return "whole";
  for (const range of accept.split(",")) {
    const [type = "", ...parameters] = range.split(";").map((one) => one.trim());
    if (!["application/json", "application/*", "*/*"].includes(type)) continue;
    const as = parameters.find((one) => one.startsWith("as="))?.slice(3);
    if (as === undefined) return "whole";
    if (as === "Table") return "table";
    if (as.startsWith("PartialObjectMetadata")) return "metadata";
  }
  throw new StatusError(
    406,
    "NotAcceptable",
    `406: Not Acceptable\n\nAvailable representations: ${offered}`,
    {},
  );
}

export function listOf(
  resource: Resource,
  form: Form,
  metadata: JsonObject,
  items: readonly KubeObject[],
): JsonObject {
  if (form === "table") return tableOf(resource, metadata, items, true);
  if (form === "metadata") {
    const kind = "PartialObjectMetadataList";
    return { kind, apiVersion: "meta.k8s.io/v1", metadata, items: items.map(partial) };
  }
  // Items of a list carry neither kind nor apiVersion.
  const bare = items.map((one) => (resource.custom === true ? one : without(one, "kind", "apiVersion")));
  return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata, items: bare };
}

export function oneOf(resource: Resource, form: Form, object: JsonObject): JsonObject {
  if (form === "whole" || object["kind"] === "Status") return object;
  if (form === "metadata") return partial(object);
  const resourceVersion = objectAt(object, "metadata")["resourceVersion"] ?? "";
  return tableOf(resource, { resourceVersion }, [object], true);
}

/** In a watch only the first event brings the columns. */
export function tableOf(
  resource: Resource,
  metadata: JsonObject,
  items: readonly JsonObject[],
  withColumns: boolean,
): JsonObject {
  const columns: Json = withColumns ? columnsOf(resource.id) : null;
  const rows = items.map((object) => ({ cells: rowOf(resource.id, object), object: partial(object) }));
  return { kind: "Table", apiVersion: "meta.k8s.io/v1", metadata, columnDefinitions: columns, rows };
}

function partial(object: JsonObject): JsonObject {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: "meta.k8s.io/v1",
    metadata: objectAt(object, "metadata"),
  };
}
