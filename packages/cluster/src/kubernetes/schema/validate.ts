/** Objects held to the schemas of their kinds before a cluster sees them: no key that it does not know. */
import { AgentFlowError, type Json, nearest } from "@agentflow/protocol";
import { isObject } from "../../model/overlay.ts";
import { plainJson } from "../../model/parse-project.ts";
import { type KubernetesObject, objectTitle } from "../object.ts";
import { type KindSchemas, parseSchemas } from "./parse-schemas.ts";

export interface ObjectFault {
  /** `Deployment/triage-prod-control-plane`. */
  readonly object: string;
  /** `spec.template.spec.containers[0].imagge`. */
  readonly path: string;
  readonly message: string;
}

/** Of all objects, in their order; none when a cluster would take them as they are. */
export function objectFaults(objects: readonly KubernetesObject[]): readonly ObjectFault[] {
  const schemas = parseSchemas();
  return objects.flatMap((object) => faultsOf(object, schemas));
}

/** Refuses with every fault in `details.faults`. What we rendered ourselves has none but by a bug of ours. */
export function checkObjects(objects: readonly KubernetesObject[]): void {
  const faults = objectFaults(objects);
  const [first] = faults;
  if (first === undefined) return;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
  throw new AgentFlowError("internal", `${first.object}: ${first.path}: ${first.message}${more}`, {
    reason: "invalid_objects",
    details: { faults: faults.map((fault) => ({ ...fault })) },
    suggestions: ["nothing was sent to the cluster; report this as a bug of af"],
  });
}

function faultsOf(object: KubernetesObject, { kinds, types }: KindSchemas): ObjectFault[] {
  const faults: ObjectFault[] = [];
  const title = objectTitle(object);
  const asked = `${object.apiVersion} ${object.kind}`;
  const type = Object.hasOwn(kinds, asked) ? kinds[asked] : undefined;
  const report = (path: string, message: string): void => {
    faults.push({ object: title, path, message });
  };
  if (type === undefined) {
    const near = nearest(asked, Object.keys(kinds));
    report("kind", `there is no kind ${asked}${near === undefined ? "" : ` (did you mean ${near}?)`}`);
    return faults;
  }
  check(plainJson(object), `#${type}`, { path: "", types, report });
  return faults;
}

interface Checking {
  readonly path: string;
  readonly types: KindSchemas["types"];
  readonly report: (path: string, message: string) => void;
}

function check(value: Json, code: string, checking: Checking): void {
  const { path, report } = checking;
  const lead = code[0];
  // What is null is left out, says the API's convention: taken for that only by mistake here.
  if (lead === "*") return;
  if (lead === "[") return checkList(value, code.slice(1), checking);
  if (lead === "{") return checkMap(value, code.slice(1), checking);
  if (lead === "#") return checkType(value, code.slice(1), checking);
  if (code.startsWith("e:")) return checkWord(value, code.slice(2).split("|"), checking);
  const plain = plains[code];
  if (plain !== undefined && !plain.test(value)) report(path, `${shown(value)} is not ${plain.name}`);
}

const plains: Readonly<Record<string, { readonly name: string; readonly test: (value: Json) => boolean }>> = {
  s: { name: "a text", test: (value) => typeof value === "string" },
  b: { name: "true or false", test: (value) => typeof value === "boolean" },
  i: { name: "a whole number", test: (value) => typeof value === "number" && Number.isSafeInteger(value) },
  n: { name: "a number", test: (value) => typeof value === "number" },
  q: {
    name: "a text or a whole number",
    test: (value) => typeof value === "string" || (typeof value === "number" && Number.isSafeInteger(value)),
  },
};

function checkList(value: Json, of: string, checking: Checking): void {
  const { path, report } = checking;
  if (!Array.isArray(value)) return report(path, `${shown(value)} is not a list`);
  value.forEach((one: Json, n) => check(one, of, { ...checking, path: `${path}[${n}]` }));
}

function checkMap(value: Json, of: string, checking: Checking): void {
  const { path, report } = checking;
  if (!isObject(value)) return report(path, `${shown(value)} is not a map`);
  for (const [key, one] of Object.entries(value)) {
    check(one, of, { ...checking, path: `${path}[${JSON.stringify(key)}]` });
  }
}

function checkWord(value: Json, words: readonly string[], { path, report }: Checking): void {
  if (typeof value === "string" && words.includes(value)) return;
  const near = typeof value === "string" ? nearest(value, words) : undefined;
  report(path, `${shown(value)} is none of ${words.join(", ")}${near === undefined ? "" : `: ${near}?`}`);
}

function checkType(value: Json, name: string, checking: Checking): void {
  const { path, types, report } = checking;
  const type = types[name];
  if (type === undefined) return;
  if (!isObject(value)) return report(path, `${shown(value)} is not an object`);
  const below = (key: string): string => (path === "" ? key : `${path}.${key}`);
  for (const [key, one] of Object.entries(value)) {
    const code = Object.hasOwn(type.keys, key) ? type.keys[key] : undefined;
    if (code !== undefined) check(one, code, { ...checking, path: below(key) });
    else {
      const near = nearest(key, Object.keys(type.keys));
      report(below(key), `unknown key${near === undefined ? "" : ` (did you mean ${near}?)`}`);
    }
  }
  for (const key of type.required ?? []) {
    if (!Object.hasOwn(value, key)) report(below(key), "is missing");
  }
}

/** So much of it that it can be found, and no more: it may be long. */
function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
