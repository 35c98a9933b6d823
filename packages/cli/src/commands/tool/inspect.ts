import { ApiCommand } from "../../api-command.ts";
import { printCallable } from "../../callables.ts";
import { needProject } from "../../config/installation.ts";
import { Args, Flags } from "../../flags.ts";
import { pick } from "../../not-found.ts";

export default class ToolInspect extends ApiCommand {
  static override summary = "Show one tool: its effect, input, output, and who can run it";
  static override description =
    "With --effective: what a call of it really gets here and now. The project's code is loaded; for an\n" +
    "untrusted tool a sandbox is opened on this machine, looked at and ended; no installation is needed.";
  static override args = {
    tool: Args.string({ required: true, description: "name, or its unique beginning" }),
  };
  static override flags = {
    effective: Flags.boolean({ description: "what its sandbox would be, who said so, or why it is refused" }),
  };
  static override examples = [
    "af tool inspect hello.greet",
    "af tool inspect hello.greet --json",
    "af tool inspect hello.greet --effective",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ToolInspect);
    if (flags.effective) return this.#effective(args.tool, needProject(this.folder(flags)));
    const client = await this.connect(flags);
    const { items } = await client.tools.list();
    const item = pick({ kind: "tool", name: args.tool, items, nameOf: ({ name }) => name });
    this.output.data(item);
    if (!this.output.json) printCallable(this.output, item);
  }

  async #effective(name: string, dir: string): Promise<void> {
    const [{ effectiveTool }, { printEffective }] = await Promise.all([
      import("../../tools/effective.ts"),
      import("../../tools/print-effective.ts"),
    ]);
    const tool = await effectiveTool(dir, name);
    this.output.data(tool);
    if (!this.output.json) printEffective(this.output, tool);
  }
}
