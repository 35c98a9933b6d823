import { AgentFlowError } from "@agentflow/protocol";
import { ApiCommand } from "../../api-command.ts";
import { Args, Flags } from "../../flags.ts";
import { pick } from "../../not-found.ts";
import { bold } from "../../output/text.ts";

export default class KeyRevoke extends ApiCommand {
  static override summary = "Revoke an API key: within seconds it opens nothing";
  static override args = { key: Args.string({ required: true, description: "id, or its unique beginning" }) };
  static override flags = { yes: Flags.boolean({ char: "y", description: "do not ask" }) };
  static override examples = ["af key revoke KEY --yes", "af key revoke KEY --yes --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(KeyRevoke);
    const client = await this.connect(flags, { changes: true });
    const { items } = await client.keys.list();
    const key = pick({ kind: "key", name: args.key, items, nameOf: ({ id }) => id });
    if (!flags.yes && !(await this.#confirmed(key.name, this.mayAsk(flags)))) return;
    const answer = await client.keys.revoke(key.id);
    this.output.data(answer);
    this.output.line(["key ", bold(key.id), ` (${key.name}) is revoked`]);
  }

  async #confirmed(name: string, mayAsk: boolean): Promise<boolean> {
    if (!mayAsk) {
      throw new AgentFlowError("invalid_input", "revoking cannot be undone, and nobody can be asked here", {
        reason: "confirmation_needed",
        suggestions: ["pass --yes"],
      });
    }
    const { confirm } = await import("@inquirer/prompts");
    return confirm(
      { message: `Revoke "${name}"? It cannot be undone.`, default: false },
      { output: process.stderr },
    );
  }
}
