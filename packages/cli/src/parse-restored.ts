/** What `af restore --json` printed in a container. */
import { AgentFlowError, type ErrorBody, fromErrorBody } from "@agentflow/protocol";

export interface RestoredThere {
  readonly installation: string;
  readonly madeAt: string;
  readonly runs: {
    readonly open: number;
    readonly ended: number;
    readonly archived: number;
    readonly parked: number;
  };
  readonly findings: number;
  readonly resumed: boolean;
}

type Printed =
  | { readonly ok: true; readonly data: RestoredThere }
  | { readonly ok: false; readonly error: ErrorBody }
  | { readonly ok: undefined };

/** Throws what the restore itself failed with. */
export function parseRestored({ stdout, exitCode }: { stdout: string; exitCode: number }): RestoredThere {
  const printed = envelope(stdout);
  if (printed.ok === true) return printed.data;
  if (printed.ok === false) throw fromErrorBody(printed.error);
  throw new AgentFlowError("unavailable", `the restore ended with exit code ${exitCode} and said nothing`, {
    reason: "restore_ended",
    suggestions: ["do it once more with the same file: it goes on where it was cut off"],
  });
}

function envelope(stdout: string): Printed {
  try {
    const value = JSON.parse(stdout) as Printed | null;
    return value ?? { ok: undefined };
  } catch {
    return { ok: undefined };
  }
}
