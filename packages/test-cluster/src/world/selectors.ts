/** Label selectors, as controllers and Services use them. */
import type { Selector } from "./parse-kinds.ts";

type Labels = Readonly<Record<string, string>> | undefined;

/** An empty selector matches everything, none matches nothing. */
export function matches(selector: Selector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false;
  return (
    hasLabels(selector.matchLabels, labels) &&
    (selector.matchExpressions ?? []).every((one) => fits(one, labels?.[one.key]))
  );
}

export function hasLabels(wanted: Labels, labels: Labels): boolean {
  return Object.entries(wanted ?? {}).every(([key, value]) => labels?.[key] === value);
}

export function fits(
  expression: { readonly operator: string; readonly values?: readonly string[] },
  value: string | undefined,
): boolean {
  const values = expression.values ?? [];
  switch (expression.operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return value !== undefined && Number(value) > Number(values[0]);
    case "Lt":
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}
