import { AgentFlowError } from "@agentflow/protocol";
import { AgentFlowCommand } from "../../base-command.ts";
import { needProject } from "../../config/installation.ts";
import { Args, Flags } from "../../flags.ts";
import { bold, yellow } from "../../output/text.ts";
import { secretName } from "../../secrets/secret-name.ts";

export default class SecretsRm extends AgentFlowCommand {
  static override summary = "Remove a secret that was set with af secrets set";
  static override args = { secret: Args.string({ required: true, description: "its name" }) };
  static override flags = { yes: Flags.boolean({ char: "y", description: "do not ask" }) };
  static override examples = ["af secrets rm model-key", "af secrets rm model-key --yes --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SecretsRm);
    const name = secretName(args.secret);
    const dir = needProject(this.folder(flags));
    const { placeHere, removeSecretHere } = await import("../../local/secrets.ts");
    if (!flags.yes && !(await this.#confirmed(name, this.mayAsk(flags)))) return;
    const { file } = await removeSecretHere(dir, name);
    const place = await placeHere(dir, name);
    this.output.data({ name, file, ...(place === undefined ? {} : { nowFrom: place }) });
    this.output.line(["secret ", bold(name), " is removed"]);
    if (place !== undefined) this.output.say(yellow(`It still has a value: ${place}`));
  }

  async #confirmed(name: string, mayAsk: boolean): Promise<boolean> {
    if (!mayAsk) {
      throw new AgentFlowError("invalid_input", "removing cannot be undone, and nobody can be asked here", {
        reason: "confirmation_needed",
        suggestions: ["pass --yes"],
      });
    }
    const { confirm } = await import("@inquirer/prompts");
    return confirm(
      { message: `Remove the secret "${name}"? Its value is gone then.`, default: false },
      { output: process.stderr },
    );
  }
}
