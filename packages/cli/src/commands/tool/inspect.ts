import { ApiCommand } from "../../api-command.ts";
import { printCallable } from "../../callables.ts";
import { needProject } from "../../config/installation.ts";
import { Args, Flags } from "../../flags.ts";
import { pick } from "../../not-found.ts";

export default class ToolInspect extends ApiCommand {
  static override summary = "Show one tool: its effect, input, output, and who can run it";
  static override description =
    "With --effective: what a call of it really gets here and now. The project's code is loaded; for an\n" +
    "untrusted tool a sandbox is opened on this machine, looked at and ended; no installation is needed.\n" +
    "With --target, or --context and a target's name: what it gets in that cluster, by agentflow.yaml and\n" +
    "by what the cluster has; nothing is made there.";
  static override args = {
    tool: Args.string({ required: true, description: "name, or its unique beginning" }),
  };
  static override flags = {
    effective: Flags.boolean({ description: "what its sandbox would be, who said so, or why it is refused" }),
    target: Flags.string({
      description: "with --effective: a target in a cluster instead of this machine",
      helpValue: "TARGET",
      dependsOn: ["effective"],
      exclusive: ["context"],
    }),
  };
  static override examples = [
    "af tool inspect hello.greet",
    "af tool inspect hello.greet --json",
    "af tool inspect hello.greet --effective",
    "af tool inspect hello.greet --effective --target prod",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ToolInspect);
    if (flags.effective) {
      const target = flags.target ?? flags.context;
      return this.#effective(args.tool, { dir: needProject(this.folder(flags)), target });
    }
    const client = await this.connect(flags);
    const { items } = await client.tools.list();
    const item = pick({ kind: "tool", name: args.tool, items, nameOf: ({ name }) => name });
    this.output.data(item);
    if (!this.output.json) printCallable(this.output, item);
  }

  async #effective(
    name: string,
    { dir, target }: { readonly dir: string; readonly target: string | undefined },
  ): Promise<void> {
    const [{ effectiveTool }, { printEffective }] = await Promise.all([
      import("../../tools/effective.ts"),
      import("../../tools/print-effective.ts"),
    ]);
    const tool = await effectiveTool({ dir, tool: name, target, environment: process.env });
    this.output.data(tool);
    if (!this.output.json) printEffective(this.output, tool);
  }
}
