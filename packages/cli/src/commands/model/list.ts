import { AgentFlowCommand } from "../../base-command.ts";
import { needProject } from "../../config/installation.ts";
import { printModels } from "../../models.ts";
import { listModels } from "../../project/list-models.ts";

export default class ModelList extends AgentFlowCommand {
  static override summary =
    "List the models of agentflow.yaml: who serves them, what they cost, what is missing";
  static override examples = ["af model list", "af model list --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(ModelList);
    const listed = await listModels(needProject(this.folder(flags)));
    this.output.data(listed);
    if (!this.output.json) printModels(this.output, listed);
  }
}
