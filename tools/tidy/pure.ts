import { isAllowed, tests } from "./allow.ts";
import type { Finding } from "./finding.ts";
import { packageOf } from "./floors.ts";
import { type Source, text } from "./source.ts";

/** Promises in core, which decides with what it was given and never waits. */
export function checkPure(source: Source): Finding[] {
  if (packageOf(source.path) !== "core" || isAllowed(tests, source.path)) return [];
  return source.nodes.flatMap(({ node }) => {
    const namesPromise = node.type === "Identifier" && text(node, "name") === "Promise";
    if (node["async"] !== true && !namesPromise) return [];
    return [
      source.finding(node.start, "pure", "core never waits: no async, no Promise; a decision is a value"),
    ];
  });
}
