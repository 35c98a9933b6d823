import type { Facts, Ranking, Scan } from "./shapes.ts";

/** Everything the two reports say; equal lockfiles and installations give equal reports, byte for byte. */
export interface Report {
  readonly source: Omit<Scan, "groups">;
  readonly facts: Facts;
  readonly ranking: Ranking;
}

/** The JSON report: keys stay, new ones may come. */
export function renderJson({ source, facts, ranking }: Report): string {
  const { omitted, ...known } = facts;
  const findings = { counts: ranking.counts, omitted: ranking.omitted, list: ranking.findings };
  return `${JSON.stringify({ v: 1, kind: "repo-report", source, findings, ...known, omitted }, null, 2)}\n`;
}
