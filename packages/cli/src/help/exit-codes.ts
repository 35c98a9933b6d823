import { type ErrorCode, errorTable, exitCodes } from "@agentflow/protocol";

export interface ExitCode {
  readonly code: number;
  readonly meaning: string;
  /** The error codes that end so; empty for outcomes. */
  readonly errors: readonly string[];
}

const errorMeanings: { readonly [Code in ErrorCode]: string } = {
  internal: "a bug in AgentFlow",
  invalid_input: "wrong usage: flags, arguments or input",
  invalid_project: "the project is not valid, or a check of doctor failed",
  not_found: "no such thing",
  unauthenticated: "no or wrong credentials",
  forbidden: "no or wrong credentials",
  unavailable: "no installation answers",
  timeout: "waited too long; the work goes on",
  conflict: "not possible in this state",
  already_exists: "not possible in this state",
  refused: "not possible in this state",
  limit_exceeded: "a limit, budget or quota is exhausted",
};

const outcomeMeanings: { readonly [Name in keyof typeof exitCodes]: string } = {
  ok: "done",
  runFailed: "the run failed",
  runCancelled: "the run was cancelled",
  waitsForApproval: "the run waits for an approval",
  budgetExhausted: "a limit, budget or quota is exhausted",
  outcomeUnknown: "the outcome of a step is unknown; somebody must say it",
  historyIncompatible: "the run's history does not fit this build",
  changesPending: "there are changes to apply",
  thresholdMissed: "a threshold was missed",
  interrupted: "interrupted by Ctrl-C",
};

/** Every exit code once, in order. Stable: scripts depend on them. */
export function exitCodeTable(): ExitCode[] {
  const rows = new Map<number, { meaning: string; errors: string[] }>();
  for (const [name, code] of Object.entries(exitCodes)) {
    rows.set(code, { meaning: valueOf(outcomeMeanings, name), errors: [] });
  }
  for (const [name, { exit }] of Object.entries(errorTable)) {
    const row = rows.get(exit) ?? { meaning: valueOf(errorMeanings, name), errors: [] };
    row.errors.push(name);
    rows.set(exit, row);
  }
  return [...rows].map(([code, row]) => ({ code, ...row })).sort((a, b) => a.code - b.code);
}

function valueOf(table: { readonly [key: string]: string }, key: string): string {
  return table[key] ?? "";
}
