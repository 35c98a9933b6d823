import { errorTable } from "@agentflow/protocol";
import { AgentFlowCommand } from "../base-command.ts";
import { findProject, needProject } from "../config/installation.ts";
import { examine } from "../doctor/examine.ts";
import { Flags } from "../flags.ts";
import { printChecks } from "../output/checks.ts";

export default class Doctor extends AgentFlowCommand {
  static override summary =
    "Check this machine and this project: each line a fact and, where needed, the fix";
  static override description =
    "Exits 3 when anything is wrong (✗); ! is worth knowing and no fault. Of a target of containers in " +
    "agentflow.yaml it is proved by doing: containers are started and ended, in a cluster " +
    "pods, and leave nothing behind.";
  static override flags = {
    target: Flags.string({
      description:
        "a target of containers: also its engine or cluster, what containers can do there, and what is up",
      helpValue: "TARGET",
    }),
  };
  static override examples = [
    "af doctor",
    "af doctor --target docker",
    "af doctor --target prod",
    "af doctor --json",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(Doctor);
    const folder = this.folder(flags);
    const { target } = flags;
    const checks = await examine({
      folder,
      project: target === undefined ? findProject(folder) : needProject(folder),
      version: this.config.version,
      environment: process.env,
      ...(target === undefined ? {} : { target }),
    });
    const bad = checks.some(({ state }) => state === "bad");
    this.output.data({ checks, ok: !bad });
    if (!this.output.json) printChecks(this.output, checks);
    if (bad) this.exitWith(errorTable.invalid_project.exit);
  }
}
