/** Label selectors. */
import { at, isList, isObject, listAt, objectAt, textAt } from "../draft.ts";
import type { Json } from "../object.ts";

/** A selector that is not there selects nothing; an empty one everything. */
export function selectorMatches(selector: Json | undefined, labels: Json | undefined): boolean {
  if (!isObject(selector)) return false;
  const wanted = Object.entries(objectAt(selector, "matchLabels"));
  if (!wanted.every(([key, value]) => at(labels, key) === value)) return false;
  return listAt(selector, "matchExpressions").every((one) => expressionMatches(one, labels));
}

function expressionMatches(expression: Json, labels: Json | undefined): boolean {
  const value = at(labels, textAt(expression, "key"));
  const values = at(expression, "values");
  const listed = isList(values) && value !== undefined && values.includes(value);
  switch (textAt(expression, "operator")) {
    case "In":
      return listed;
    case "NotIn":
      return !listed;
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return false;
  }
}
