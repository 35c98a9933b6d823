import { ApiCommand } from "../../api-command.ts";
import { printCallables } from "../../callables.ts";

export default class AgentList extends ApiCommand {
  static override summary = "List agents that workers can run now";
  static override examples = ["af agent list", "af agent list --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(AgentList);
    const client = await this.connect(flags);
    const { items } = await client.agents.list();
    this.output.data({ items });
    if (!this.output.json) printCallables(this.output, { items, kind: "agent" });
  }
}
