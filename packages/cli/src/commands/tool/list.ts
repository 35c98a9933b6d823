import { ApiCommand } from "../../api-command.ts";
import { printCallables } from "../../callables.ts";

export default class ToolList extends ApiCommand {
  static override summary = "List tools that workers can run now";
  static override examples = ["af tool list", "af tool list --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(ToolList);
    const client = await this.connect(flags);
    const { items } = await client.tools.list();
    this.output.data({ items });
    if (!this.output.json) printCallables(this.output, { items, kind: "tool" });
  }
}
