/** How a label selector may be written. What it finds is selector.ts's. */
import { at, isObject, listAt, objectAt, textAt } from "../draft.ts";
import type { Json } from "../object.ts";
import { forbidden, invalidValue, required, type Faults } from "./faults.ts";
import { labels, qualified } from "./names.ts";

/** Nothing when there is none. */
export function labelSelectorFaults(field: string, selector: Json | undefined): Faults {
  if (!isObject(selector)) return [];
  return [
    ...labels(`${field}.matchLabels`, objectAt(selector, "matchLabels")),
    ...listAt(selector, "matchExpressions").flatMap((one, index) =>
      expressionFaults(`${field}.matchExpressions[${index}]`, one),
    ),
  ];
}

function expressionFaults(field: string, expression: Json): Faults {
  const operator = textAt(expression, "operator");
  const values = listAt(expression, "values");
  const faults: Faults = [];
  if (operator === "In" || operator === "NotIn") {
    const why = "must be specified when `operator` is 'In' or 'NotIn'";
    if (values.length === 0) faults.push(required(`${field}.values`, why));
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    const why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
    if (values.length > 0) faults.push(forbidden(`${field}.values`, why));
  } else {
    faults.push(
      invalidValue(`${field}.operator`, at(expression, "operator") ?? "", "not a valid selector operator"),
    );
  }
  return [...faults, ...qualified(`${field}.key`, textAt(expression, "key"))];
}
