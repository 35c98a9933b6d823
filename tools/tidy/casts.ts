import { casters, isAllowed } from "./allow.ts";
import type { Finding } from "./finding.ts";
import { child, type Source, text } from "./source.ts";

/** Casts outside the files that brand ids or parse; `as const` promises nothing false and is welcome. */
export function checkCasts(source: Source): Finding[] {
  if (isAllowed(casters, source.path)) return [];
  return source.nodes.flatMap(({ node }) => {
    if (node.type !== "TSAsExpression" && node.type !== "TSTypeAssertion") return [];
    const type = child(node, "typeAnnotation");
    if (type === undefined || text(child(type, "typeName"), "name") === "const") return [];
    const to = source.text.slice(type.start, type.end).split("\n", 1)[0] ?? "";
    return [
      source.finding(type.start, "cast", `a cast to ${to}: narrow it, parse it, or let the types say it`),
    ];
  });
}
