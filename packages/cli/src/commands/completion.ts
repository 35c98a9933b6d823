import { AgentFlowCommand } from "../base-command.ts";
import { completionScript } from "../complete/scripts.ts";
import { Args } from "../flags.ts";

export default class Completion extends AgentFlowCommand {
  static override summary = "Print a completion script for bash, zsh or fish";
  static override description = [
    'bash: put eval "$(af completion bash)" into ~/.bashrc',
    'zsh: put eval "$(af completion zsh)" into ~/.zshrc, after compinit',
    "fish: af completion fish > ~/.config/fish/completions/af.fish",
  ].join("\n");
  static override args = {
    shell: Args.string({
      required: true,
      options: ["bash", "zsh", "fish"],
      description: "bash, zsh or fish",
    }),
  };
  static override examples = ["af completion bash", "af completion zsh", "af completion fish"];

  async run(): Promise<void> {
    const { args } = await this.parse(Completion);
    const script = completionScript(args.shell);
    this.output.data({ shell: args.shell, script });
    if (!this.output.json) this.output.verbatim(script);
  }
}
