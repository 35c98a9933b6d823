/** Workflows whose file is gone from their project: known, but not startable until it comes back. */
import { AgentFlowError, isId } from "@agentflow/protocol";
import type { ProjectFiles } from "../engine-api.ts";
import type { WorkflowHead } from "./parse-head.ts";

/** Whether the project's files no longer hold it. One whose file cannot be read now keeps what it had. */
export function isGone({ name, project, removedAt }: WorkflowHead, files: ProjectFiles): boolean {
  if (project === undefined || removedAt !== undefined || !isId("workflow", name)) return false;
  if (files.workflows.includes(name)) return false;
  return project.file === undefined || !files.unreadable.includes(project.file);
}

export function removedError(head: WorkflowHead, others: readonly string[]): AgentFlowError {
  const { name, removedAt, project } = head;
  const file = project?.file ?? "its file in workflows/";
  const when = removedAt ?? "some time";
  return new AgentFlowError(
    "not_found",
    `workflow ${JSON.stringify(name)} was removed from the project at ${when}; put the file back`,
    {
      reason: "workflow_removed",
      details: { workflow: name, removedAt, file: project?.file },
      suggestions: [
        `put ${file} back: it works again once af dev has read it`,
        ...(others.length > 0 ? [`there are: ${others.slice(0, 8).join(", ")}`] : []),
        "af workflow list --all",
      ],
    },
  );
}
