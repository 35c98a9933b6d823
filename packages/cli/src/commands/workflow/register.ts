import { AgentFlowError, type Finding, errorTable } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { ApiCommand } from "../../api-command.ts";
import { needProject } from "../../config/installation.ts";
import { printFindings } from "../../output/findings.ts";
import { green } from "../../output/text.ts";
import { inOrder, placeFindings, readProject, withBudgets } from "../../project/index.ts";

export default class WorkflowRegister extends ApiCommand {
  static override summary = "Register this project's workflows with an installation";
  static override description =
    "For installations that no af dev runs: workers bring the code, this brings the workflows.\n" +
    "Runs in flight keep the version they began with. One with an error keeps its last good version.";
  static override examples = [
    "af workflow register --url https://agentflow.example",
    "af workflow register -C ./triage --json",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(WorkflowRegister);
    const dir = needProject(this.folder(flags));
    const client = await this.connect(flags);
    const project = await readProject(dir);
    const findings: Finding[] = [...project.findings];
    const registered: { workflow: string; version: string }[] = [];
    for (const { definition, file } of project.workflows) {
      const { version, found } = await register(client, withBudgets(project, definition));
      findings.push(...placeFindings(project, file, found));
      if (version !== undefined) registered.push({ workflow: definition.name, version });
    }
    const ordered = inOrder(findings);
    const bad = ordered.some(({ severity }) => severity === "error");
    this.output.data({ registered, findings: ordered });
    printFindings(this.output, ordered);
    for (const { workflow, version } of registered) {
      this.output.line([green("✓ "), workflow, "  ", version.slice(0, 12)]);
    }
    if (bad) this.exitWith(errorTable.invalid_project.exit);
  }
}

type Definition = Parameters<Client["workflows"]["register"]>[0]["definition"];

/** Without a version when it was refused for what the findings say. */
async function register(
  client: Client,
  definition: Definition,
): Promise<{ version?: string; found: readonly Finding[] }> {
  try {
    const { version, findings } = await client.workflows.register({ definition });
    return { version, found: findings };
  } catch (error) {
    if (!AgentFlowError.is(error) || error.code !== "invalid_project") throw error;
    const { findings } = error.details;
    if (!Array.isArray(findings)) throw error;
    return { found: findings };
  }
}
