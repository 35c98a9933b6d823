import { ApiCommand } from "../../api-command.ts";
import { printCallable } from "../../callables.ts";
import { Args } from "../../flags.ts";
import { pick } from "../../not-found.ts";

export default class ToolInspect extends ApiCommand {
  static override summary = "Show one tool: its effect, input, output, and who can run it";
  static override args = {
    tool: Args.string({ required: true, description: "name, or its unique beginning" }),
  };
  static override examples = ["af tool inspect hello.greet", "af tool inspect hello.greet --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ToolInspect);
    const client = await this.connect(flags);
    const { items } = await client.tools.list();
    const item = pick({ kind: "tool", name: args.tool, items, nameOf: ({ name }) => name });
    this.output.data(item);
    if (!this.output.json) printCallable(this.output, item);
  }
}
