import type { DeployStatus as Status, PartStatus } from "@agentflow/cluster/kubernetes";
import type { BuildList } from "@agentflow/protocol";
import { contextFlag } from "../../context-flag.ts";
import { targetArgs } from "../../deploy/common.ts";
import { DeployCommand } from "../../deploy/deploy-command.ts";
import { askBuilds, runsOf } from "../../deploy/installation.ts";
import { printTable } from "../../output/table.ts";
import { type Text, bold, cyan, dim, green, red, yellow } from "../../output/text.ts";

export default class DeployStatus extends DeployCommand {
  static override summary = "How a target in a cluster is: its parts, its builds and their runs, who deploys";
  static override description =
    "Asks the cluster, and the installation for the runs of each build. Exits 6 when a part has failed.";
  static override args = targetArgs;
  static override flags = { context: contextFlag };
  static override examples = ["af deploy status", "af deploy status prod --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DeployStatus);
    using on = await this.openTarget(args.target, flags);
    const { Access, deployStatus, realClusterPace } = await import("@agentflow/cluster/kubernetes");
    const access = new Access(on.cluster, on.namespace);
    const status = await deployStatus(access, { name: on.release, pace: realClusterPace });
    const isUp = status.parts.some(({ part, ready }) => part === "control-plane" && ready > 0);
    const asked = isUp ? await askBuilds(on) : { list: undefined };
    const builds = buildRows(status, asked.list);
    const { name } = on.project.target;
    this.output.data({ target: name, cluster: on.cluster.address.context, ...status, builds });
    if (status.parts.some(({ state }) => state === "failed")) this.exitWith(6);
    if (this.output.json) return;
    if (status.revision === undefined) {
      this.output.say([`nothing of ${name} was deployed yet: `, cyan(`af deploy ${name}`)]);
      return;
    }
    this.#say(status, on.where);
    if (status.parts.length === 0) {
      this.output.say([`${name} was taken down; its data is kept. go on: `, cyan(`af deploy ${name}`)]);
      return;
    }
    printTable(this.output, columns, status.parts);
    for (const { build, runs, isNewest } of builds) {
      const open = runs === undefined ? dim("runs not known") : `${runs} open ${runs === 1 ? "run" : "runs"}`;
      this.output.line(["build ", bold(build), isNewest ? dim("  newest  ") : "  ", open]);
    }
    if (asked.list === undefined && "why" in asked) this.output.say(dim(`runs: ${asked.why ?? ""}`));
  }

  #say({ revision, deploying, namespace }: Status, where: string): void {
    if (revision === undefined) return;
    const { number, outcome, at, by } = revision;
    this.output.line(["revision ", bold(String(number)), ` ${outcome}, ${at} by ${by}`, dim(`  ${where}`)]);
    if (deploying !== undefined) this.output.line([yellow("deploying: "), `${deploying} in ${namespace}`]);
  }
}

interface BuildRow {
  readonly build: string;
  readonly isNewest: boolean;
  readonly runs?: number;
}

function buildRows({ builds, revision }: Status, list: BuildList | undefined): readonly BuildRow[] {
  return builds.map((build) => ({
    build,
    isNewest: build === revision?.build,
    ...(list === undefined ? {} : { runs: runsOf(list, build).openRuns }),
  }));
}

const columns = [
  { title: "PART", of: ({ part, object }: PartStatus): Text => (part === "" ? object : part) },
  { title: "BUILD", of: ({ build }: PartStatus): Text => build ?? dim("–") },
  { title: "READY", of: ({ ready, wanted }: PartStatus): Text => `${ready}/${wanted}` },
  {
    title: "STATE",
    of: ({ state }: PartStatus): Text =>
      state === "ready" ? green(state) : state === "failed" ? red(state) : yellow(state),
  },
  { title: "RESTARTS", of: ({ restarts }: PartStatus): Text => String(restarts), side: "right" as const },
  { title: "WHY", of: ({ why }: PartStatus): Text => why ?? "", flexible: true },
];
