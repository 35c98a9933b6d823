/** Why another control plane does not take over, by how its look at the histories ended. */
import { AgentFlowError, exitCodes } from "@agentflow/protocol";

/** `failed` has exit code and last lines among its details. `look`: the command that shows what runs. */
export function historiesRefusal(failed: AgentFlowError, look: string, ...more: string[]): AgentFlowError {
  const { details } = failed;
  const of = { details, cause: failed };
  if (details["exitCode"] === exitCodes.historyIncompatible) {
    return new AgentFlowError(
      "refused",
      "the new control plane cannot read every history that is alive; nothing was applied",
      {
        ...of,
        reason: "history_incompatible",
        suggestions: [
          "let those runs end on the control plane that there is, or cancel them: af run list --active",
          "what it said stands above",
        ],
      },
    );
  }
  // As when its bus does not run: what is alive is not known.
  const what = "the new control plane could not read the histories; nothing was applied";
  const message = `${what} (${failed.message})`;
  return new AgentFlowError("unavailable", message, {
    ...of,
    reason: "histories_not_read",
    suggestions: ["what it said stands above", `how it is: ${look}`, ...more],
  });
}
