import type { WorkflowSummary } from "@agentflow/protocol";
import { ApiCommand } from "../../api-command.ts";
import { Flags } from "../../flags.ts";
import { type Column, printTable } from "../../output/table.ts";
import { cyan, dim, green, yellow } from "../../output/text.ts";
import { ago } from "../../output/when.ts";

export default class WorkflowList extends ApiCommand {
  static override summary = "List workflows with their newest version";
  static override flags = {
    all: Flags.boolean({ char: "a", description: "also those whose file was removed from the project" }),
  };
  static override examples = ["af workflow list", "af workflow list --all", "af workflow list --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(WorkflowList);
    const client = await this.connect(flags);
    const { items } = await client.workflows.list({ all: flags.all });
    this.output.data({ items });
    if (this.output.json) return;
    if (items.length === 0) {
      this.output.say(["No workflows. Write one in workflows/ and run ", cyan("af validate")]);
      return;
    }
    const now = Date.now();
    printTable(
      this.output,
      [
        { title: "WORKFLOW", of: ({ name }) => name },
        { title: "VERSION", of: ({ version }) => version },
        { title: "STEPS", of: ({ steps }) => String(steps), side: "right" },
        ...(flags.all ? [stateColumn(now)] : []),
        ...(items.some(({ build }) => build !== undefined) ? [buildColumn] : []),
        { title: "REGISTERED", of: ({ registeredAt }) => ago(registeredAt, now) },
        { title: "WHAT", of: ({ description }) => description ?? "", flexible: true },
      ],
      items,
    );
  }
}

/** Which build new runs take: shown once any workflow names one. */
const buildColumn: Column<WorkflowSummary> = { title: "BUILD", of: ({ build }) => build ?? dim("default") };

function stateColumn(now: number): Column<WorkflowSummary> {
  const of = ({ removedAt }: WorkflowSummary) =>
    removedAt === undefined ? green("current") : yellow(`removed ${ago(removedAt, now)}`);
  return { title: "STATE", of };
}
