/** JSON merge patch (RFC 7386): null removes, objects merge, all else replaces. */
import { copyOf, draftOf, isDraft, isObject, type Draft, type DraftValue } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";

export function mergePatched(object: JsonObject, patch: JsonObject): Draft {
  const made = draftOf(object);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete made[key];
    else made[key] = mergedInto(made[key], value);
  }
  return made;
}

function mergedInto(target: DraftValue | undefined, patch: Json): DraftValue {
  return isObject(patch) ? mergePatched(isDraft(target) ? target : {}, patch) : copyOf(patch);
}
