/** The parameters of a request that changes something, held against what a server takes there. */
import type { Cause } from "./status.ts";
import { invalid } from "./status.ts";
import type { Call } from "./call.ts";

/** How they are called in refusals. */
const kinds: ReadonlyMap<string, string> = new Map([
  ["create", "CreateOptions"],
  ["update", "UpdateOptions"],
  ["patch", "PatchOptions"],
]);

const managerBytesMax = 128;
const validations = ["Ignore", "Warn", "Strict", ""];

export function checkOptions(call: Call): void {
  const causes = [
    ...dryRunFaults(call),
    ...managerFaults(call),
    ...validationFaults(call),
    ...forceFaults(call),
  ];
  if (causes.length === 0) return;
  throw invalid({ group: "meta.k8s.io", kind: kinds.get(call.verb) ?? "DeleteOptions" }, "", causes);
}

function dryRunFaults({ query }: Call): Cause[] {
  const unknown = query.getAll("dryRun").filter((one) => one !== "All" && one !== "");
  if (unknown.length === 0) return [];
  const message = `Unsupported value: ${JSON.stringify(unknown)}: supported values: "All"`;
  return [{ reason: "FieldValueNotSupported", message, field: "dryRun" }];
}

function managerFaults({ query }: Call): Cause[] {
  const field = "fieldManager";
  const named = query.get(field) ?? "";
  if (Buffer.byteLength(named) > managerBytesMax) {
    const message = `Too long: may not be more than ${managerBytesMax} bytes`;
    return [{ reason: "FieldValueTooLong", message, field }];
  }
  const odd = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(named);
  if (odd === null) return [];
  const code = (odd[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const why = `invalid character U+${code} (at position ${odd.index})`;
  return [{ reason: "FieldValueInvalid", message: `Invalid value: ${JSON.stringify(named)}: ${why}`, field }];
}

function validationFaults({ query }: Call): Cause[] {
  const field = "fieldValidation";
  const asked = query.get(field) ?? "";
  if (validations.includes(asked)) return [];
  const supported = validations.map((one) => JSON.stringify(one)).join(", ");
  const message = `Unsupported value: ${JSON.stringify(asked)}: supported values: ${supported}`;
  return [{ reason: "FieldValueNotSupported", message, field }];
}

function forceFaults({ verb, query, contentType }: Call): Cause[] {
  if (verb !== "patch" || !query.has("force") || contentType.startsWith("application/apply-patch")) return [];
  const message = "Forbidden: may not be specified for non-apply patch";
  return [{ reason: "FieldValueForbidden", message, field: "force" }];
}
