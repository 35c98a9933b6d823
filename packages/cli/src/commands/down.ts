import { parseDuration } from "@agentflow/protocol";
import type { Removed } from "@agentflow/cluster/docker";
import { AgentFlowCommand } from "../base-command.ts";
import { contextPlaces } from "../config/context-places.ts";
import { removeContext } from "../config/contexts.ts";
import { contextFlag } from "../context-flag.ts";
import { Args, Flags } from "../flags.ts";
import { bold, cyan, dim, green } from "../output/text.ts";
import { onInterrupt } from "../runs/detach.ts";
import { askInstallation } from "../targets/answer.ts";
import { interruptedWork } from "../targets/failure.ts";
import { openInstalled, type OnEngine } from "../targets/installed.ts";
import { showWork } from "../targets/progress.ts";
import { confirmationNeeded, runsInFlight, runsUnknown } from "../targets/runs-in-flight.ts";

export default class Down extends AgentFlowCommand {
  static override summary = "End the containers of a target; its data stays unless told otherwise";
  static override description =
    "Workers end first, with the work they have in flight. The next af up finds all runs as they were.\n" +
    "--volumes deletes runs, keys and secrets too. It refuses while runs are in flight (exit 8), and when " +
    "nobody can be asked whether there are any; --force does it all the same.";
  static override args = {
    target: Args.string({ ignoreStdin: true, description: "a target of agentflow.yaml" }),
  };
  static override flags = {
    context: contextFlag,
    volumes: Flags.boolean({ description: "delete its data, keys and secrets too" }),
    force: Flags.boolean({ description: "delete them although runs are in flight, or may be" }),
    timeout: Flags.string({ description: "longest time each container is given to end", helpValue: "30s" }),
    yes: Flags.boolean({ char: "y", description: "do not ask" }),
  };
  static override examples = ["af down", "af down staging --timeout 10s", "af down --volumes --yes --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Down);
    const timeoutMs = flags.timeout === undefined ? undefined : parseDuration(flags.timeout);
    const { target } = args;
    const folder = this.folder(flags);
    await using here = await openInstalled({
      folder,
      environment: process.env,
      target,
      context: flags.context,
    });
    const { name } = here.project.target;
    if (flags.volumes) {
      if (!flags.force) await refuseRunsInFlight(here);
      if (!flags.yes && !(await this.#confirmed(here, this.mayAsk(flags)))) return;
    }
    using interrupt = onInterrupt();
    const progress = showWork(this.output, `${here.of.project}-${here.of.target}`);
    try {
      const { removeInstallation } = await import("@agentflow/cluster/docker");
      const removed = await removeInstallation({
        engine: here.engine,
        of: here.of,
        volumes: flags.volumes,
        progress,
        signal: interrupt.signal,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
      progress.close();
      await removeContext(contextPlaces({ folder: here.project.dir, environment: process.env }), name);
      this.#report(here, removed);
    } catch (error) {
      progress.close();
      throw interrupt.signal.aborted ? interruptedWork(`af down ${name}`) : error;
    }
  }

  #report({ observed, project }: OnEngine, { containers, network, volumes }: Removed): void {
    const { name } = project.target;
    const kept = observed.volumes.map((volume) => volume.name).filter((volume) => !volumes.includes(volume));
    this.output.data({ target: name, containers, network, volumesRemoved: volumes, volumesKept: kept });
    const nothing = containers === 0 && !network && volumes.length === 0;
    this.output.say([
      green("✓ "),
      bold(name),
      nothing ? " was not up" : ` is down: ${containers} containers ended`,
    ]);
    if (volumes.length > 0)
      this.output.say(dim(`${volumes.length} volumes and all that was in them are gone`));
    if (kept.length > 0) {
      this.output.say([dim(`its data is kept in ${kept.length} volumes. go on: `), cyan(`af up ${name}`)]);
      this.output.say([dim("delete it: "), cyan(`af down ${name} --volumes`)]);
    }
  }

  async #confirmed({ of, engine, observed }: OnEngine, mayAsk: boolean): Promise<boolean> {
    if (!mayAsk) throw confirmationNeeded();
    const { confirm } = await import("@inquirer/prompts");
    const count = observed.volumes.length;
    const where = `${of.target} of ${of.project} on ${engine.address.host}`;
    return confirm(
      { message: `Delete ${count} volumes of ${where}, with all runs, keys and secrets?`, default: false },
      { output: process.stderr },
    );
  }
}

async function refuseRunsInFlight({ observed, project }: OnEngine): Promise<void> {
  if (!observed.volumes.some(({ holds }) => holds === "data")) return;
  const { name } = project.target;
  const { runs } = await askInstallation(project.dir, name, 2_000).catch((cause: unknown) => {
    throw runsUnknown(name, cause);
  });
  const refusal = runsInFlight(name, runs);
  if (refusal !== undefined) throw refusal;
}
