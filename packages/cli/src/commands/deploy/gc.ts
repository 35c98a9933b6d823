import { exitCodes } from "@agentflow/protocol";
import type { Garbage } from "@agentflow/cluster/kubernetes";
import { AgentFlowCommand } from "../../base-command.ts";
import { contextFlag } from "../../context-flag.ts";
import { targetArgs } from "../../deploy/common.ts";
import { askBuilds, runsOf } from "../../deploy/installation.ts";
import { openClusterTarget } from "../../deploy/open.ts";
import { Flags } from "../../flags.ts";
import { cyan, dim, green, yellow } from "../../output/text.ts";
import { onInterrupt } from "../../runs/detach.ts";

export default class DeployGc extends AgentFlowCommand {
  static override summary = "Remove the workers of builds that no run is left on, and old revisions";
  static override description =
    "A build with open runs stays, and so does every build when the installation cannot be asked.\n" +
    "The newest build and the last ten revisions are never among what goes.";
  static override args = targetArgs;
  static override flags = {
    context: contextFlag,
    plan: Flags.boolean({ description: "only say what would go; exit 16 when something would" }),
  };
  static override examples = ["af deploy gc --plan", "af deploy gc prod"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DeployGc);
    using on = await openClusterTarget({
      folder: this.folder(flags),
      environment: process.env,
      target: args.target,
      context: flags.context,
    });
    const { Access, findGarbage, realClusterPace, removeGarbage, titleOf } = await import(
      "@agentflow/cluster/kubernetes"
    );
    using interrupt = onInterrupt();
    const { list, why } = await askBuilds(on);
    const { name, project } = on.project.target;
    const of = {
      access: new Access(on.cluster, on.namespace),
      name: on.release,
      project: project.name,
      target: name,
      openRuns: (build: string) =>
        Promise.resolve(list === undefined ? undefined : openRunsIn(runsOf(list, build))),
    };
    const garbage = await findGarbage(of);
    const objects = garbage.objects.map(titleOf);
    this.output.data({ target: name, plan: flags.plan, objects, ...rest(garbage) });
    if (!flags.plan) {
      const onRemoved = (title: string): void => {
        this.output.line([dim("- "), title]);
      };
      await removeGarbage(of, garbage, { pace: realClusterPace, signal: interrupt.signal, onRemoved });
    } else for (const title of objects) this.output.line([dim("- "), title]);
    this.#say(garbage, { plan: flags.plan, why, target: name });
  }

  #say(
    { objects, revisions, kept }: Garbage,
    of: { readonly plan: boolean; readonly why: string | undefined; readonly target: string },
  ): void {
    for (const { build, runs } of kept) {
      const left = runs === undefined ? `its runs are not known: ${of.why ?? ""}` : `${runs} open runs`;
      this.output.say(yellow(`build ${build} stays: ${left}`));
    }
    const count = objects.length + revisions.length;
    if (count === 0) {
      this.output.say([green("✓ "), "nothing to remove"]);
      return;
    }
    const what = `${objects.length} objects, ${revisions.length} revisions`;
    this.output.say([green("✓ "), `${what} ${of.plan ? "would go" : "removed"}`]);
    if (!of.plan) return;
    this.output.say([dim("carry it out: "), cyan(`af deploy gc ${of.target}`)]);
    this.exitWith(exitCodes.changesPending);
  }
}

function openRunsIn({ openRuns, takesNewRuns }: ReturnType<typeof runsOf>): number {
  return takesNewRuns ? Math.max(1, openRuns) : openRuns;
}

function rest({ revisions, kept }: Garbage): Pick<Garbage, "revisions" | "kept"> {
  return { revisions, kept };
}
