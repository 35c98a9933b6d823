import { AgentFlowCommand } from "../../base-command.ts";
import { chooseContext } from "../../config/choose-context.ts";
import { contextPlaces } from "../../config/context-places.ts";
import { type Context, previousContext, useContext } from "../../config/contexts.ts";
import { Args, Flags } from "../../flags.ts";
import { bold, cyan, dim, yellow } from "../../output/text.ts";

export default class ContextUse extends AgentFlowCommand {
  static override summary = "Choose the installation that commands in this project speak to";
  static override description =
    "Kept in .agentflow/context; with --global, or outside of projects, for you everywhere. - is the one " +
    "that was in use before. af dev is not concerned: it always runs here.";
  static override args = {
    context: Args.string({ required: true, description: "its name; - for the one in use before" }),
  };
  static override flags = {
    global: Flags.boolean({ description: "for you, wherever a project has none of its own in use" }),
  };
  static override strict = true;
  static override examples = [
    "af context use docker",
    "af context use -",
    "af context use prod --global",
    "af context use k8s:staging/agents",
    "af context use dev --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContextUse);
    const places = contextPlaces({ folder: this.folder(flags), environment: process.env });
    const isGlobal = flags.global || places.project === undefined;
    const name = args.context === "-" ? previousContext(places, isGlobal) : args.context;
    const context = await useContext(places, { name, global: isGlobal });
    const { url, state, kind, target } = context;
    this.output.data({
      name,
      kind,
      scope: isGlobal ? "user" : "project",
      ...(url === undefined ? {} : { url }),
    });
    const whose = isGlobal ? "for you, wherever a project has none in use" : "in this project";
    this.output.line([bold(name), ` is in use ${whose}`, dim(url === undefined ? "" : `  ${url}`)]);
    if (state === "not-up") this.output.say(["it is not up yet: ", cyan(startOf(kind, target ?? name))]);
    this.#overruled(name, places);
  }

  /** A choice that something stronger overrules would surprise. */
  #overruled(name: string, places: ReturnType<typeof contextPlaces>): void {
    const choice = chooseContext(places, { environment: process.env });
    if (choice.kind === "context" && choice.name === name) return;
    const { place } = choice;
    const what = choice.kind === "url" ? choice.url : choice.name;
    this.output.say(yellow(`here ${place} is stronger: commands go to ${what}`));
  }
}

function startOf(kind: Context["kind"], target: string): string {
  if (kind === "dev") return "af dev";
  return kind === "kubernetes" ? `af deploy ${target}` : `af up ${target}`;
}
