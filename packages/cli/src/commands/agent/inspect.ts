import { ApiCommand } from "../../api-command.ts";
import { printCallable } from "../../callables.ts";
import { Args } from "../../flags.ts";
import { pick } from "../../not-found.ts";

export default class AgentInspect extends ApiCommand {
  static override summary = "Show one agent: its model, tools, limits, input, output, and who can run it";
  static override args = {
    agent: Args.string({ required: true, description: "name, or its unique beginning" }),
  };
  static override examples = ["af agent inspect greeter", "af agent inspect greeter --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AgentInspect);
    const client = await this.connect(flags);
    const { items } = await client.agents.list();
    const item = pick({ kind: "agent", name: args.agent, items, nameOf: ({ name }) => name });
    this.output.data(item);
    if (!this.output.json) printCallable(this.output, item);
  }
}
