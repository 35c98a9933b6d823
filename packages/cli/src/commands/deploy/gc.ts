import { exitCodes } from "@agentflow/protocol";
import type { Garbage } from "@agentflow/cluster/kubernetes";
import { contextFlag } from "../../context-flag.ts";
import { targetArgs } from "../../deploy/common.ts";
import { DeployCommand } from "../../deploy/deploy-command.ts";
import { askBuilds, runsOf, runsThatKeep } from "../../deploy/installation.ts";
import { whoDeploys } from "../../deploy/who.ts";
import { Flags } from "../../flags.ts";
import { cyan, dim, green, yellow } from "../../output/text.ts";
import { onInterrupt } from "../../runs/detach.ts";

const unreadable = "the builds of some runs cannot be read by this release";

export default class DeployGc extends DeployCommand {
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
    using on = await this.openTarget(args.target, flags);
    const { Access, collectGarbage, findGarbage, heldText, realClusterPace, titleOf } = await import(
      "@agentflow/cluster/kubernetes"
    );
    using interrupt = onInterrupt();
    let asked: ReturnType<typeof askBuilds> | undefined;
    let unknown = "";
    const taking = new Set<string>();
    const { name, project } = on.project.target;
    const of = {
      access: new Access(on.cluster, on.namespace),
      name: on.release,
      project: project.name,
      target: name,
      // Asked when it is looked, so that nobody has deployed since.
      openRuns: async (build: string) => {
        asked ??= askBuilds(on);
        const { list, why = unreadable } = await asked;
        unknown = why;
        if (list !== undefined && runsOf(list, build).takesNewRuns) taking.add(build);
        return runsThatKeep(list, build);
      },
    };
    const garbage = flags.plan
      ? await findGarbage(of)
      : await collectGarbage(of, {
          holder: whoDeploys().holder,
          pace: realClusterPace,
          signal: interrupt.signal,
          onHeld: (held) => this.output.say(heldText(held)),
          onRemoved: (title) => this.output.line([dim("- "), title]),
        });
    const objects = garbage.objects.map(titleOf);
    this.output.data({ target: name, plan: flags.plan, objects, ...rest(garbage) });
    if (flags.plan) for (const title of objects) this.output.line([dim("- "), title]);
    this.#say(garbage, { plan: flags.plan, why: unknown, target: name, taking });
  }

  #say(
    { objects, revisions, kept }: Garbage,
    of: {
      readonly plan: boolean;
      readonly why: string;
      readonly target: string;
      readonly taking: ReadonlySet<string>;
    },
  ): void {
    for (const { build, runs } of kept) {
      const why = of.taking.has(build) ? "new runs begin on it" : runsLeft(runs, of.why);
      this.output.say(yellow(`build ${build} stays: ${why}`));
    }
    const count = objects.length + revisions.length;
    if (count === 0) {
      this.output.say([green("✓ "), "nothing to remove"]);
      return;
    }
    const what = [counted(objects.length, "object"), counted(revisions.length, "revision")]
      .filter((one) => one !== "")
      .join(", ");
    this.output.say([green("✓ "), `${what} ${of.plan ? "would go" : "removed"}`]);
    if (!of.plan) return;
    this.output.say([dim("carry it out: "), cyan(`af deploy gc ${of.target}`)]);
    this.exitWith(exitCodes.changesPending);
  }
}

function runsLeft(runs: number | undefined, why: string): string {
  if (runs === undefined) return `its runs are not known: ${why}`;
  return runs === 1 ? "a run is open on it" : `${runs} runs are open on it`;
}

function counted(count: number, word: string): string {
  return count === 0 ? "" : `${count} ${word}${count === 1 ? "" : "s"}`;
}

function rest({ revisions, kept }: Garbage): Pick<Garbage, "revisions" | "kept"> {
  return { revisions, kept };
}
