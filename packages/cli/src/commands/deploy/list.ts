import type { Revision } from "@agentflow/cluster/kubernetes";
import { contextFlag } from "../../context-flag.ts";
import { targetArgs } from "../../deploy/common.ts";
import { DeployCommand } from "../../deploy/deploy-command.ts";
import { printTable } from "../../output/table.ts";
import { type Text, cyan, green, red, yellow } from "../../output/text.ts";
import { ago } from "../../output/when.ts";

export default class DeployList extends DeployCommand {
  static override summary = "List the deploys of a target: when, by whom, why, and what became of them";
  static override description = "The last ten are kept in the cluster, each with all that it applied.";
  static override args = targetArgs;
  static override flags = { context: contextFlag };
  static override examples = ["af deploy list", "af deploy list prod --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DeployList);
    using on = await this.openTarget(args.target, flags);
    const { Access, listRevisions } = await import("@agentflow/cluster/kubernetes");
    const items = await listRevisions(new Access(on.cluster, on.namespace), on.release);
    this.output.data({ target: on.project.target.name, items });
    if (this.output.json) return;
    const { name } = on.project.target;
    if (items.length === 0)
      this.output.say([`nothing of ${name} was deployed yet: `, cyan(`af deploy ${name}`)]);
    else printTable(this.output, columns(Date.now()), items.toReversed());
  }
}

function columns(nowMs: number) {
  return [
    { title: "REVISION", of: ({ number }: Revision): Text => String(number), side: "right" as const },
    { title: "OUTCOME", of: ({ outcome }: Revision): Text => outcomeText(outcome) },
    { title: "BUILD", of: ({ build }: Revision): Text => build },
    { title: "WHEN", of: ({ at }: Revision): Text => ago(at, nowMs) },
    { title: "BY", of: ({ by }: Revision): Text => by, flexible: true },
    {
      title: "WHY",
      of: ({ reason = "", rollbackTo }: Revision): Text =>
        rollbackTo === undefined ? reason : `back to ${rollbackTo}${reason === "" ? "" : `: ${reason}`}`,
      flexible: "first" as const,
    },
  ];
}

function outcomeText(outcome: Revision["outcome"]): Text {
  if (outcome === "deployed") return green(outcome);
  return outcome === "failed" ? red(outcome) : yellow(outcome);
}
