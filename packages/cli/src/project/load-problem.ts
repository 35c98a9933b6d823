import type { LoadProblem } from "@agentflow/protocol";
import type { PlacedFinding } from "../output/findings.ts";

/** Why the project's code does not load, as a finding. */
export function problemFinding(problem: LoadProblem): PlacedFinding {
  const { message, file, line, column, frame, hint } = problem;
  const source = frame?.split("\n")[0];
  return {
    code: "AF910",
    severity: "error",
    message: `does not load: ${message}`,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
    ...(hint === undefined ? {} : { hint }),
    ...(source === undefined ? {} : { source }),
  };
}
