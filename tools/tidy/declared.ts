import { child, children, type Syntax, text, type Visited } from "./source.ts";

/**
 * The names that a file gives to parameters and variables of its own. A `setTimeout` that was handed in is
 * not the global one.
 */
export function declaredNames(nodes: readonly Visited[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { node } of nodes) {
    const declared = node.type === "VariableDeclarator" ? child(node, "id") : undefined;
    if (declared !== undefined) addBound(declared, names);
    for (const parameter of children(node, "params")) addBound(parameter, names);
  }
  return names;
}

/** Walks a pattern: `a`, `a = 1`, `...a`, `{ a, b: c }`, `[a]`. */
function addBound(pattern: Syntax, names: Set<string>): void {
  const name = pattern.type === "Identifier" ? text(pattern, "name") : undefined;
  if (name !== undefined) names.add(name);
  for (const key of ["left", "argument", "value"]) {
    const inner = child(pattern, key);
    if (inner !== undefined) addBound(inner, names);
  }
  for (const key of ["properties", "elements"]) {
    for (const inner of children(pattern, key)) addBound(inner, names);
  }
}
