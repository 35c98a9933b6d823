/** Bodies of requests: text to objects, with the words of the server for what is wrong in them. */
import { isObject, isList, textAt, draftOf, within, type Draft } from "./draft.ts";
import type { Json, JsonObject } from "./object.ts";
import { parseYamlBody } from "./parse-yaml.ts";
import { badRequest, invalid, untyped } from "./refusal.ts";
import { apiVersionOf, type Ask } from "./request.ts";
import { normal, type Reading } from "./schema/normal.ts";
import { quantityGrammar } from "./schema/quantity.ts";
import { shapeOf } from "./schema/shapes.ts";
import type { Shape } from "./schema/shape.ts";

export function shapeFor(ask: Ask): Shape {
  return shapeOf(ask.kind.group, ask.kind.version, ask.kind.kind);
}

export interface Body {
  readonly object: JsonObject;
  readonly warnings: readonly string[];
}

/** The body of an apply: YAML, which JSON is too. A key twice is refused, warned of or passed over. */
export function readApply(text: string, validation: Ask["fieldValidation"]): Body {
  const { value, faultAt, repeated } = parseYamlBody(text);
  if (faultAt !== undefined) {
    const said = `yaml: line ${faultAt}: did not find expected ',' or ']'`;
    throw badRequest(`error decoding YAML: error converting YAML to JSON: ${said}`);
  }
  if (!isObject(value)) throw badRequest("error decoding YAML: the body is not an object");
  const warnings = validation === "Ignore" ? [] : repeated;
  if (warnings.length > 0 && validation === "Strict") {
    const said = warnings.map((one) => `  ${one}`).join("\n");
    const head = "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:";
    throw badRequest(`${head}\n${said}`);
  }
  return { object: value, warnings };
}

/** A body of POST or PUT as an object of its kind: typed, defaults not yet filled in. */
export function readObject(ask: Ask, body: Json): { object: Draft; warnings: string[] } {
  const { kind } = ask;
  if (!isObject(body)) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind.kind}): couldn't get version/kind; ` +
        `json parse error: json: cannot unmarshal ${isList(body) ? "array" : typeof body} into Go value`,
    );
  }
  const version = textAt(body, "apiVersion");
  const named = textAt(body, "kind");
  if ((version !== "" && version !== apiVersionOf(kind)) || (named !== "" && named !== kind.kind)) {
    throw badRequest(wrongKind(ask, version, named));
  }
  const reading: Reading = { unknown: [] };
  const typed = { ...body, apiVersion: apiVersionOf(kind), kind: kind.kind };
  const object = normal(typed, shapeFor(ask), reading);
  const read = `${kind.kind} in version ${JSON.stringify(kind.version)}`;
  const handled = `${read} cannot be handled as a ${kind.kind}`;
  const fault = reading.fault ?? (reading.quantity === undefined ? undefined : quantityGrammar);
  if (fault !== undefined) throw badRequest(`${handled}: ${fault}`);
  const unknown = reading.unknown.map((field) => `unknown field ${JSON.stringify(field)}`);
  if (ask.fieldValidation === "Strict" && unknown.length > 0) {
    throw badRequest(`${handled}: strict decoding error: ${unknown.join(", ")}`);
  }
  return { object, warnings: ask.fieldValidation === "Warn" ? unknown : [] };
}

function wrongKind(ask: Ask, version: string, named: string): string {
  const { kind } = ask;
  const short = version.slice(version.lastIndexOf("/") + 1);
  const group = kind.group === "" ? "core" : (kind.group.split(".")[0] ?? "");
  return (
    `${named} in version ${JSON.stringify(short)} cannot be handled as a ${kind.kind}: ` +
    `converting (${short}.${named}) to (${group}.${kind.kind}): unknown conversion`
  );
}

/** What a patch made of an object. Unknown fields are another answer than in a whole body. */
export function readPatched(ask: Ask, patched: JsonObject): { object: Draft; warnings: string[] } {
  const reading: Reading = { unknown: [] };
  const object = normal(patched, shapeFor(ask), reading);
  const fault = reading.fault ?? (reading.quantity === undefined ? undefined : quantityGrammar);
  if (fault !== undefined) throw refusedPatch(patched, fault);
  const unknown = reading.unknown.map((field) => `unknown field ${JSON.stringify(field)}`);
  if (ask.fieldValidation === "Strict" && unknown.length > 0) {
    throw refusedPatch(patched, `strict decoding error: ${unknown.join(", ")}`);
  }
  return { object, warnings: ask.fieldValidation === "Warn" ? unknown : [] };
}

function refusedPatch(patched: JsonObject, why: string) {
  const message = `Invalid value: ${JSON.stringify(JSON.stringify(patched))}: ${why}`;
  return invalid({ group: "", kind: "", name: "" }, [
    { reason: "FieldValueInvalid", message, field: "patch" },
  ]);
}

/** What an apply made of an object: what cannot be read is a 500. */
export function readApplied(ask: Ask, merged: JsonObject): Draft {
  const reading: Reading = { unknown: [] };
  const object = normal(merged, shapeFor(ask), reading);
  const fault = reading.fault ?? (reading.quantity === undefined ? undefined : quantityGrammar);
  if (fault === undefined) return object;
  const type = `${apiVersionOf(ask.kind)}, Kind=${ask.kind.kind}`;
  const unable = `unable to convert unstructured object to ${type}`;
  throw untyped(
    `failed to convert new object (${placed(ask)}; ${type}) to proper version: ${unable}: ${fault}`,
  );
}

/** `af-demo/web`, or `/web` for what belongs to the whole cluster. */
export function placed(ask: Ask): string {
  return `${ask.namespace}/${ask.name}`;
}

/** Puts the namespace of the path in, and refuses a body that names another. */
export function checkNamespace(ask: Ask, object: Draft): void {
  const metadata = within(object, "metadata");
  const named = textAt(object, "metadata", "namespace");
  if (!ask.kind.namespaced) {
    delete metadata["namespace"];
    return;
  }
  if (named !== "" && named !== ask.namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  metadata["namespace"] = ask.namespace;
}

export function checkName(ask: Ask, object: JsonObject): void {
  const named = textAt(object, "metadata", "name");
  if (named === ask.name) return;
  throw badRequest(`the name of the object (${named}) does not match the name on the URL (${ask.name})`);
}

export function withName(ask: Ask, object: JsonObject): Draft {
  const made = draftOf(object);
  const metadata = within(made, "metadata");
  if (textAt(made, "metadata", "name") === "") metadata["name"] = ask.name;
  return made;
}
