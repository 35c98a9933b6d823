/** Why a run does not start, with what was probably meant. */
import { AgentFlowError, nearest } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";

interface Asked {
  readonly workflow: string;
  readonly key: string | undefined;
}

/** Errors that say all there is to say come back as they are. */
export async function explainedStart(client: Client, asked: Asked, thrown: unknown): Promise<unknown> {
  if (!AgentFlowError.is(thrown)) return thrown;
  if (thrown.code === "conflict" && asked.key !== undefined) return keyTaken(asked.key, thrown);
  // A removed workflow's own suggestions say how to get it back.
  if (thrown.code !== "not_found" || thrown.reason === "workflow_removed") return thrown;
  return unknownWorkflow(client, asked.workflow, thrown);
}

function keyTaken(key: string, thrown: AgentFlowError): AgentFlowError {
  return new AgentFlowError(
    "conflict",
    `the key "${key}" started a run before, with another workflow or input`,
    {
      reason: "key_taken",
      details: thrown.details,
      suggestions: ["give another --key", "the same input finds the run of before"],
      cause: thrown,
    },
  );
}

/** Names the workflow that was probably meant, and those there are. */
async function unknownWorkflow(
  client: Client,
  workflow: string,
  thrown: AgentFlowError,
): Promise<AgentFlowError> {
  const { items } = await client.workflows.list();
  const names = items.map(({ name }) => name);
  const near = nearest(workflow, names) ?? nearest(workflow, commandsOfRun);
  const there =
    names.length === 0 ? "no workflow is registered" : `there are: ${names.slice(0, 8).join(", ")}`;
  return new AgentFlowError("not_found", thrown.message, {
    reason: thrown.reason,
    details: thrown.details,
    suggestions: [...(near === undefined ? [] : [`did you mean: af run ${near}`]), there, "af workflow list"],
  });
}

/** What may stand behind `af run` besides a workflow. */
const commandsOfRun = ["list", "get", "watch", "cancel", "resolve"];
