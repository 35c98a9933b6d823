import { AgentFlowError } from "@agentflow/protocol";

/** Every kind was met, or the types would not hold; data of a newer release may bring another. */
export function unreachable(value: never): never {
  throw new AgentFlowError(
    "internal",
    `${JSON.stringify(value).slice(0, 200)} is of a kind that is not known`,
    {
      reason: "history_incompatible",
      suggestions: ["this build may be older than the run: use the newer one"],
    },
  );
}
