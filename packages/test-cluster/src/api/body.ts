/** Bodies of requests: their size, their type, and what they hold. */
import type { IncomingMessage } from "node:http";
import { isObject } from "../json.ts";
import type { Json, JsonObject } from "../object.ts";
import { parseJson, parseYaml } from "../parse.ts";
import { protobufIn } from "./protobuf.ts";
import { badRequest, StatusError } from "./status.ts";
import type { PatchKind } from "./writes.ts";

const bodyBytesMax = 3 * 1024 * 1024;

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    bytes += part.length;
    // Read to its end all the same, so that the client hears the answer.
    if (bytes <= bodyBytesMax) chunks.push(part);
  }
  if (bytes > bodyBytesMax) {
    throw new StatusError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${bodyBytesMax}`);
  }
  return Buffer.concat(chunks);
}

const writable = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

/** Of a create or an update. */
export function objectIn(body: Buffer, contentType: string, resource: { kind: string }): JsonObject {
  const type = contentType.split(";")[0]?.trim() ?? "";
  const packed = type === "application/vnd.kubernetes.protobuf" ? protobufIn(body) : undefined;
  if (packed !== undefined) return packed;
  if (type === "application/vnd.kubernetes.protobuf") throw unreadProtobuf();
  const text = body.toString("utf8");
  if (type !== "" && !["application/json", "application/yaml"].includes(type)) {
    const accepted = `accepted media types include: ${writable.join(", ")}`;
    throw new StatusError(
      415,
      "UnsupportedMediaType",
      `the body of the request was in an unknown format - ${accepted}`,
    );
  }
  const parsed = type === "application/yaml" ? parseYaml(text) : jsonIn(text, resource);
  if (!isObject(parsed)) throw unrecognized(resource, text, "json: cannot unmarshal into Go value");
  return parsed;
}

function unreadProtobuf(): StatusError {
  const why = "the test API server reads this kind only as JSON or YAML: apply a manifest";
  return new StatusError(415, "UnsupportedMediaType", why);
}

function jsonIn(text: string, resource: { kind: string }): Json {
  try {
    return parseJson(text);
  } catch {
    throw unrecognized(resource, text, text === "" ? "unexpected end of JSON input" : "invalid character");
  }
}

function unrecognized(resource: { kind: string }, text: string, why: string): StatusError {
  const shown = text === "" ? "<empty>" : text.slice(0, 100);
  const head = `the object provided is unrecognized (must be of type ${resource.kind})`;
  return badRequest(`${head}: couldn't get version/kind; json parse error: ${why} (${shown})`);
}

const patchTypes: ReadonlyMap<string, PatchKind> = new Map<string, PatchKind>([
  ["application/apply-patch+yaml", "apply"],
  ["application/json-patch+json", "json"],
  ["application/merge-patch+json", "merge"],
  ["application/strategic-merge-patch+json", "strategic"],
]);

export function patchKindOf(contentType: string): PatchKind {
  const kind = patchTypes.get(contentType.split(";")[0]?.trim() ?? "");
  if (kind !== undefined) return kind;
  throw new StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {});
}

/** Of a request that may have none. */
export function optionsIn(body: Buffer, contentType: string): JsonObject {
  if (body.length === 0) return {};
  const packed = contentType.startsWith("application/vnd.kubernetes.protobuf") ? protobufIn(body) : undefined;
  if (packed !== undefined) return packed;
  const parsed = parseJson(body.toString("utf8"));
  return isObject(parsed) ? parsed : {};
}
