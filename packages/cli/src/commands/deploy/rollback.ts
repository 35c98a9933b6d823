import { deployFlags } from "../../deploy/common.ts";
import { DeployCommand, planFlag, targetFlag } from "../../deploy/deploy-command.ts";
import { Args } from "../../flags.ts";
import { projectSecrets } from "../../targets/secrets.ts";

export default class DeployRollback extends DeployCommand {
  static override summary = "Go back to an earlier deploy: its objects once more, new runs on its build";
  static override description =
    "REVISION is a number of af deploy list; without one the last that went well before the present one.\n" +
    "It is a deploy of its own, with a revision of its own. Runs of newer builds end on those.";
  static override args = {
    revision: Args.integer({ ignoreStdin: true, description: "a number of af deploy list" }),
  };
  static override flags = {
    ...deployFlags,
    ...targetFlag,
    ...planFlag,
  };
  static override examples = [
    "af deploy rollback",
    'af deploy rollback 3 --reason "prompts were wrong"',
    "af deploy rollback --target prod --plan",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DeployRollback);
    await this.carry({ target: flags.target, flags, whole: false }, async (on) => {
      const { Access, rollbackTarget } = await import("@agentflow/cluster/kubernetes");
      const { name, project } = on.project.target;
      const { release, revision } = await rollbackTarget({
        access: new Access(on.cluster, on.namespace),
        name: on.release,
        project: project.name,
        target: name,
        ...(args.revision === undefined ? {} : { number: args.revision }),
      });
      const secrets = await projectSecrets(on.project.dir, on.project.target);
      return { release, secrets, rollbackTo: revision.number };
    });
  }
}
