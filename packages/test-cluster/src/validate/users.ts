/** As whom a container runs. */
import { isObject } from "../draft.ts";
import type { JsonObject } from "../object.ts";
import { invalidValue, oneOf, type Faults } from "./faults.ts";

export function userFaults(field: string, context: JsonObject): Faults {
  const faults: Faults = [];
  for (const key of ["runAsUser", "runAsGroup", "fsGroup"]) {
    const value = context[key];
    if (typeof value !== "number" || (value >= 0 && value <= 2_147_483_647)) continue;
    faults.push(invalidValue(`${field}.${key}`, value, "must be between 0 and 2147483647, inclusive"));
  }
  const seccomp = context["seccompProfile"];
  if (isObject(seccomp)) {
    const type = `${field}.seccompProfile.type`;
    faults.push(...oneOf(type, seccomp["type"] ?? "", ["Localhost", "RuntimeDefault", "Unconfined"]));
  }
  return faults;
}
