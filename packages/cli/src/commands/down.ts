import { parseDuration } from "@agentflow/protocol";
import { AgentFlowCommand } from "../base-command.ts";
import { needProject } from "../config/installation.ts";
import { targetsOf } from "../config/project-contexts.ts";
import { contextFlag } from "../context-flag.ts";
import { Args, Flags } from "../flags.ts";
import { chooseDown } from "../targets/choose.ts";

export default class Down extends AgentFlowCommand {
  static override summary = "End what runs of a target; its data stays unless told otherwise";
  static override description =
    "On Docker its containers, in a cluster all that af deploy brought there; the namespace stays.\n" +
    "Workers end first, with the work they have in flight. The next af up or af deploy finds all runs as " +
    "they were.\n" +
    "--volumes deletes runs, keys and secrets too. It refuses while runs are in flight (exit 8), and when " +
    "nobody can be asked whether there are any; --force does it all the same.";
  static override args = {
    target: Args.string({ ignoreStdin: true, description: "a target of agentflow.yaml" }),
  };
  static override flags = {
    context: contextFlag,
    plan: Flags.boolean({ description: "only say what would go; exit 16 when something would" }),
    volumes: Flags.boolean({ description: "delete its data, keys and secrets too" }),
    force: Flags.boolean({ description: "delete them although runs are in flight, or may be" }),
    timeout: Flags.string({
      description: "longest time each container or pod is given to end",
      helpValue: "30s",
    }),
    yes: Flags.boolean({ char: "y", description: "do not ask" }),
  };
  static override examples = [
    "af down",
    "af down staging --timeout 10s",
    "af down prod --plan",
    "af down --volumes --yes --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Down);
    const { plan, volumes, force, yes, context } = flags;
    const endMs = flags.timeout === undefined ? undefined : parseDuration(flags.timeout);
    const folder = this.folder(flags);
    const dir = needProject(folder);
    const target = chooseDown({ dir, environment: process.env, target: args.target, context });
    const { kind } = targetsOf(dir).find(({ name }) => name === target) ?? {};
    const { output } = this;
    const asked = { output, mayAsk: this.mayAsk(flags), folder, target, plan, volumes, force, yes, endMs };
    const going =
      kind === "kubernetes"
        ? (await import("../deploy/down.ts")).downInCluster(asked)
        : (await import("../targets/down.ts")).downOnDocker(asked);
    this.exitWith(await going);
  }
}
