/** Label and field selectors of lists and watches. */
import { at, objectAt, textAt } from "../json.ts";
import type { Json, KubeObject } from "../object.ts";
import { badRequest } from "./status.ts";

export type Matches = (object: KubeObject) => boolean;

const word = "[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?";
const key = `([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?${word}`;
const setForm = new RegExp(`^(?<key>${key})\\s+(?<how>in|notin)\\s*\\((?<values>[^()]*)\\)$`);
const equalForm = new RegExp(`^(?<key>${key})\\s*(?<how>=|==|!=)\\s*(?<value>(${word})?)$`);
const orderForm = new RegExp(`^(?<key>${key})\\s*(?<how>[<>])\\s*(?<value>-?\\d+)$`);
const existsForm = new RegExp(`^(?<not>!\\s*)?(?<key>${key})$`);

export function labelMatches(selector: string): Matches {
  const tests = splitOutside(selector).map((part) => labelTest(part.trim(), selector));
  return (object) => {
    const labels = objectAt(object, "metadata", "labels");
    return tests.every((test) => test((name) => textAt(labels, name)));
  };
}

type LabelTest = (valueOf: (name: string) => string | undefined) => boolean;

function labelTest(part: string, whole: string): LabelTest {
  const set = setForm.exec(part)?.groups;
  if (set !== undefined) {
    const values = (set["values"] ?? "").split(",").map((one) => one.trim());
    const name = set["key"] ?? "";
    if (set["how"] === "in") return (valueOf) => values.includes(valueOf(name) ?? "\u0000");
    return (valueOf) => !values.includes(valueOf(name) ?? "\u0000");
  }
  const equal = equalForm.exec(part)?.groups;
  if (equal !== undefined) {
    const { key: name = "", value = "", how } = equal;
    return how === "!=" ? (valueOf) => valueOf(name) !== value : (valueOf) => valueOf(name) === value;
  }
  const order = orderForm.exec(part)?.groups;
  if (order !== undefined) {
    const { key: name = "", value, how } = order;
    const sign = how === ">" ? 1 : -1;
    return (valueOf) => sign * (Number(valueOf(name) ?? Number.NaN) - Number(value)) > 0;
  }
  const exists = existsForm.exec(part)?.groups;
  if (exists === undefined) throw badRequest(unparsable(whole));
  const wanted = exists["not"] === undefined;
  return (valueOf) => (valueOf(exists["key"] ?? "") !== undefined) === wanted;
}

/** Where that server's reader stops: at what stands in the place of a value, or of a key. */
function unparsable(selector: string): string {
  const value = /^[^=!<>()]+(==|=|!=)\s*(?<rest>.*)$/.exec(selector)?.groups?.["rest"];
  const stopped = /^\(|^\)|^[^,]*/.exec(value ?? selector)?.[0] ?? "";
  return `unable to parse requirement: found '${stopped}', expected: identifier`;
}

/** At commas that stand in no parentheses. */
function splitOutside(selector: string): readonly string[] {
  return selector === "" ? [] : selector.split(/,(?![^()]*\))/);
}

/** Fields by which the recorded server selects, beside name and namespace. */
const fields: ReadonlyMap<string, readonly string[]> = new Map([
  [
    "pods",
    [
      "spec.nodeName",
      "spec.restartPolicy",
      "spec.schedulerName",
      "spec.serviceAccountName",
      "spec.hostNetwork",
      "status.phase",
      "status.podIP",
      "status.nominatedNodeName",
    ],
  ],
  [
    "events",
    [
      "involvedObject.kind",
      "involvedObject.namespace",
      "involvedObject.name",
      "involvedObject.uid",
      "involvedObject.apiVersion",
      "involvedObject.resourceVersion",
      "involvedObject.fieldPath",
      "reason",
      "reportingComponent",
      "source",
      "type",
    ],
  ],
  ["secrets", ["type"]],
  ["namespaces", ["status.phase"]],
  ["nodes", ["spec.unschedulable"]],
  ["jobs.batch", ["status.successful"]],
]);

export function fieldMatches(selector: string, id: string, kind: string): Matches {
  const known = ["metadata.name", "metadata.namespace", ...(fields.get(id) ?? [])];
  const tests = selector
    .split(",")
    .filter((part) => part !== "")
    .map((part) => {
      const found = /^([^=!]+)(=|==|!=)(.*)$/.exec(part);
      if (found === null) throw badRequest(`invalid selector: '${selector}'; can't understand '${part}'`);
      const [, field = "", how, value = ""] = found;
      if (!known.includes(field)) throw unknownField(field, kind);
      return (object: KubeObject) => (fieldText(object, field) === value) === (how !== "!=");
    });
  return (object) => tests.every((test) => test(object));
}

function unknownField(field: string, kind: string): Error {
  const text =
    kind === "" ? `field label not supported: ${field}` : `"${field}" is not a known field selector`;
  return badRequest(kind === "" ? text : `${text}: only "metadata.name", "metadata.namespace"`);
}

function fieldText(object: KubeObject, field: string): string {
  const value: Json | undefined = at(object, ...field.split("."));
  if (field === "source") return textAt(object, "source", "component") ?? "";
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : "";
}
