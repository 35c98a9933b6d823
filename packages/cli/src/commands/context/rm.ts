import { AgentFlowError } from "@agentflow/protocol";
import { AgentFlowCommand } from "../../base-command.ts";
import { contextPlaces } from "../../config/context-places.ts";
import { devContext, listContexts, noContext, removeContext } from "../../config/contexts.ts";
import { Args } from "../../flags.ts";
import { bold, dim } from "../../output/text.ts";

export default class ContextRm extends AgentFlowCommand {
  static override summary = "Forget an installation and its token; it goes on running";
  static override description =
    "Of a target of this project af up makes the context anew. What runs there is ended by af down.";
  static override args = { context: Args.string({ required: true, description: "its name" }) };
  static override examples = ["af context rm prod", "af context rm prod --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContextRm);
    const name = args.context;
    const places = contextPlaces({ folder: this.folder(flags), environment: process.env });
    if (name === devContext) {
      throw new AgentFlowError("refused", "dev is what af dev runs in the project: it is always there", {
        reason: "context_fixed",
        suggestions: ["end it: Ctrl-C in its af dev"],
      });
    }
    const known = listContexts(places);
    const found = known.find((one) => one.name === name);
    if (found === undefined)
      throw noContext(
        name,
        known.map((one) => one.name),
      );
    if (!(await removeContext(places, name))) {
      throw new AgentFlowError("not_found", `${name} is not up, so nothing of it is kept`, {
        reason: "context_not_saved",
        details: { where: found.file },
        suggestions: [`it is a target of agentflow.yaml: remove it there`],
      });
    }
    this.output.data({ name, file: found.file });
    this.output.line(["context ", bold(name), " is forgotten, its token too", dim(`  ${found.file}`)]);
  }
}
