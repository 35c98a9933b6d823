import { ApiCommand } from "../../api-command.ts";
import { printTable } from "../../output/table.ts";
import { cyan } from "../../output/text.ts";
import { ago } from "../../output/when.ts";

export default class WorkflowList extends ApiCommand {
  static override summary = "List workflows with their newest version";
  static override examples = ["af workflow list", "af workflow list --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(WorkflowList);
    const client = await this.connect(flags);
    const { items } = await client.workflows.list();
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
        { title: "REGISTERED", of: ({ registeredAt }) => ago(registeredAt, now) },
        { title: "WHAT", of: ({ description }) => description ?? "", flexible: true },
      ],
      items,
    );
  }
}
