import type { Finding } from "@agentflow/protocol";

/** Collects what is wrong with a definition; nothing stops at the first fault. */
export interface Findings {
  readonly list: Finding[];
}

export interface Fault {
  readonly code: string;
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

export function error(findings: Findings, fault: Fault): void {
  findings.list.push({ ...fault, severity: "error" });
}

export function warning(findings: Findings, fault: Fault): void {
  findings.list.push({ ...fault, severity: "warning" });
}
