/** AF5xx: what the steps use exists. */
import { didYouMean } from "../expr/suggest.ts";
import type { Catalog } from "./catalog.ts";
import { type Findings, error, warning } from "./findings.ts";
import { type InspectedPlan, stepPath } from "./inspected.ts";

export function checkCapabilities({ steps }: InspectedPlan, catalog: Catalog, findings: Findings): void {
  for (const { id, def } of steps.values()) {
    const { uses } = def;
    if (uses.kind !== "tool" && uses.kind !== "agent") continue;
    const known = uses.kind === "tool" ? catalog.tools : catalog.agents;
    if (known.has(uses.name)) continue;
    const near = didYouMean(uses.name, [...known.keys()]);
    const message = `there is no ${uses.kind} ${JSON.stringify(uses.name)}${near}`;
    const folder = uses.kind === "tool" ? "tools" : "agents";
    const hint = `known ${folder}: ${[...known.keys()].slice(0, 20).join(", ") || "none yet"}`;
    const tell = catalog.strict ? error : warning;
    tell(findings, { code: "AF501", path: stepPath(id, "/uses"), message, hint });
  }
}
