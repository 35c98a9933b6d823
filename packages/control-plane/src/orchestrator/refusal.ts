import { AgentFlowError, type ErrorCode, type InputAnswer } from "@agentflow/protocol";

type Refused = Extract<InputAnswer, { kind: "refused" }>;

const codes: { readonly [reason: string]: ErrorCode } = {
  conflict: "conflict",
  not_found: "not_found",
  run_not_found: "not_found",
  limit_exceeded: "limit_exceeded",
};

/** A refused input as the error its client gets. */
export function refusalError({ reason, message }: Refused): AgentFlowError {
  return new AgentFlowError(codes[reason] ?? "refused", message, { reason });
}

/** Also for a run of another tenant: whether it exists is not told. */
export function noSuchRun(run: string): AgentFlowError {
  return new AgentFlowError("not_found", `there is no run ${run}`, {
    reason: "run_not_found",
    details: { run },
    suggestions: ["af run list"],
  });
}
