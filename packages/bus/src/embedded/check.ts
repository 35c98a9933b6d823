import { AgentFlowError, type Subject } from "@agentflow/protocol";
import type { Revision } from "../port/index.ts";
import { anyRevision } from "./store/group.ts";

/** The number that stands for an expectation in a group. Refuses what is no revision. */
export function checkExpect(expect: Revision | "any"): number {
  if (expect === "any") return anyRevision;
  if (Number.isSafeInteger(expect) && expect >= 0) return expect;
  throw new AgentFlowError("invalid_input", `${shown(expect)} is no revision`, {
    reason: "invalid_revision",
  });
}

/** True when `subject` is one of `filter` or below one of its prefixes. */
export function matches(filter: readonly Subject[], subject: string): boolean {
  for (const one of filter) {
    if (one.endsWith(".") ? subject.startsWith(one) : subject === one) return true;
  }
  return false;
}

function shown(value: unknown): string {
  return JSON.stringify(typeof value === "string" ? value.slice(0, 80) : value) ?? String(value);
}
