/** The three patches that are no apply. */
import { isList, isObject } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import { parseJson } from "../parse.ts";
import { badRequest } from "../refusal.ts";
import type { Shape } from "../schema/shape.ts";
import { mergePatched } from "./merge-patch.ts";
import { jsonPatched } from "./json-patch.ts";
import { strategicPatched } from "./strategic.ts";

export type PatchType = "json" | "merge" | "strategic";

export function patched(
  object: JsonObject,
  patch: { readonly type: PatchType; readonly text: string },
  shape: Shape,
): JsonObject {
  const read = readPatch(patch.text);
  if (patch.type === "json") {
    if (!isList(read)) {
      const type = isObject(read) ? "object" : typeof read;
      const wanted = "Go value of type []handlers.jsonPatchOp";
      throw badRequest(`error decoding patch: json: cannot unmarshal ${type} into ${wanted}`);
    }
    return jsonPatched(object, read);
  }
  if (!isObject(read)) {
    throw badRequest(
      "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}",
    );
  }
  return patch.type === "merge" ? mergePatched(object, read) : strategicPatched(object, read, shape);
}

function readPatch(text: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    throw badRequest(`error decoding patch: ${error instanceof Error ? error.message : "no JSON"}`);
  }
}
