/** Everything that is wrong with a plan, all at once, each with its number, for good, and a JSON pointer. */
import type { Finding, Plan } from "@agentflow/protocol";
import type { Catalog } from "./catalog.ts";
import type { Findings } from "./findings.ts";
import { inspectPlan } from "./inspected.ts";
import { checkCapabilities } from "./validate-capabilities.ts";
import { checkData } from "./validate-data.ts";
import { checkGraph } from "./validate-graph.ts";
import { checkReads } from "./validate-reads.ts";

export function validatePlan(plan: Plan, catalog: Catalog): readonly Finding[] {
  const findings: Findings = { list: [] };
  const inspected = inspectPlan(plan);
  checkGraph(inspected, findings);
  checkReads(inspected, findings);
  checkData(inspected, catalog, findings);
  checkCapabilities(inspected, catalog, findings);
  return findings.list;
}
