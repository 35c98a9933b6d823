import { AgentFlowError, parseDuration } from "@agentflow/protocol";
import { AgentFlowCommand } from "../../base-command.ts";
import {
  confirmedData,
  deployFlags,
  interruptedDeploy,
  saidIncompatible,
  sayFailure,
  sayWhere,
} from "../../deploy/common.ts";
import { openClusterTarget } from "../../deploy/open.ts";
import { reportDeploy } from "../../deploy/report.ts";
import { deployingOf, sayPlan } from "../../deploy/run.ts";
import { Args, Flags } from "../../flags.ts";
import { onInterrupt } from "../../runs/detach.ts";
import { showWork } from "../../targets/progress.ts";
import { projectSecrets } from "../../targets/secrets.ts";

export default class DeployRollback extends AgentFlowCommand {
  static override summary = "Go back to an earlier deploy: its objects once more, new runs on its build";
  static override description =
    "REVISION is a number of af deploy list; without one the last that went well before the present one.\n" +
    "It is a deploy of its own, with a revision of its own. Runs of newer builds end on those.";
  static override args = {
    revision: Args.integer({ ignoreStdin: true, description: "a number of af deploy list" }),
  };
  static override flags = {
    ...deployFlags,
    target: Flags.string({ description: "a target of agentflow.yaml", helpValue: "TARGET" }),
    plan: Flags.boolean({ description: "only say what would change; exit 16 when something would" }),
  };
  static override examples = [
    "af deploy rollback",
    'af deploy rollback 3 --reason "prompts were wrong"',
    "af deploy rollback --target prod --plan",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DeployRollback);
    const timeoutMs = parseDuration(flags.timeout);
    using on = await openClusterTarget({
      folder: this.folder(flags),
      environment: process.env,
      target: flags.target,
      context: flags.context,
    });
    const { name, project } = on.project.target;
    const { where } = on;
    if (!(await confirmedData(flags, { mayAsk: this.mayAsk(flags), where }))) return;
    using interrupt = onInterrupt();
    sayWhere(this.output, where);
    const shown = showWork(this.output, on.release);
    const startedMs = performance.now();
    try {
      const { Access, deploy, planDeploy, refuseConflicts, rollbackTarget } = await import(
        "@agentflow/cluster/kubernetes"
      );
      const going = {
        access: new Access(on.cluster, on.namespace),
        name: on.release,
        project: project.name,
        target: name,
        ...(args.revision === undefined ? {} : { number: args.revision }),
      };
      const { release, revision } = await rollbackTarget(going);
      const secrets = await projectSecrets(on.project.dir, on.project.target);
      const deploying = await deployingOf({
        on,
        release,
        secrets,
        flags,
        timeoutMs,
        shown,
        signal: interrupt.signal,
        rollbackTo: revision.number,
      });
      if (flags.plan) {
        const plan = await planDeploy(deploying);
        shown.close();
        refuseConflicts(deploying, plan);
        sayPlan(this.output, on, plan);
        return;
      }
      const deployed = await deploy(deploying);
      shown.close();
      const ms = performance.now() - startedMs;
      reportDeploy(this.output, { on, deployed, build: release.build, waited: flags.wait, ms });
    } catch (error) {
      shown.close();
      if (interrupt.signal.aborted) throw interruptedDeploy(name);
      sayFailure(this.output, error);
      if (!saidIncompatible(this.output, error)) throw AgentFlowError.from(error, "af deploy rollback");
    }
  }
}
