import { AgentFlowError, type Finding, errorTable, parseDuration } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { ApiCommand } from "../../api-command.ts";
import { needProject } from "../../config/installation.ts";
import { Flags } from "../../flags.ts";
import { printFindings } from "../../output/findings.ts";
import { dim, green } from "../../output/text.ts";
import { inOrder, placeFindings, readProject, withBudgets } from "../../project/index.ts";
import { problemFinding } from "../../project/load-problem.ts";

export default class WorkflowRegister extends ApiCommand {
  static override summary = "Register this project's workflows with an installation";
  static override description =
    "For installations that no af dev runs: workers bring the code, this brings the workflows.\n" +
    "Runs in flight keep the version they began with. One with an error keeps its last good version.";
  static override flags = {
    wait: Flags.string({
      description: "wait so long until a worker runs this project's code as it is here",
      helpValue: "DURATION",
    }),
  };
  static override examples = [
    "af workflow register --url https://agentflow.example",
    "af workflow register -C ./triage --json",
    "af workflow register --wait 2m",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(WorkflowRegister);
    const dir = needProject(this.folder(flags));
    const waitMs = flags.wait === undefined ? undefined : parseDuration(flags.wait);
    const { loadCode } = await import("../../local/load-code.ts");
    const [client, project, loaded] = await Promise.all([
      this.connect(flags, { patient: waitMs !== undefined, changes: true }),
      readProject(dir),
      loadCode(dir),
    ]);
    const findings: Finding[] = [...project.findings];
    if ("problem" in loaded) findings.push(problemFinding(loaded.problem));
    else if (waitMs !== undefined) {
      const { code } = loaded.manifest;
      const { waitForCode } = await import("../../project/wait-for-code.ts");
      const onWait = (): void => this.output.say(dim(`waiting for a worker that runs the code ${code}`));
      await waitForCode(client, { code, waitMs, onWait });
    }
    const written = "problem" in loaded ? [] : loaded.manifest.workflows;
    const definitions = [
      ...project.workflows,
      ...written.map((definition) => ({ definition, file: undefined })),
    ];
    const registered: { workflow: string; version: string }[] = [];
    for (const { definition, file } of definitions) {
      const { version, found } = await register(client, withBudgets(project, definition));
      findings.push(
        ...(file === undefined ? named(definition.name, found) : placeFindings(project, file, found)),
      );
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

/** Of a workflow that is written in code: it has no lines to point at. */
function named(workflow: string, findings: readonly Finding[]): Finding[] {
  return findings.map((finding) => ({ ...finding, message: `workflow ${workflow}: ${finding.message}` }));
}

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
