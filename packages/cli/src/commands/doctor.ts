import { errorTable } from "@agentflow/protocol";
import { AgentFlowCommand } from "../base-command.ts";
import { findProject } from "../config/installation.ts";
import { examine } from "../doctor/examine.ts";
import { printChecks } from "../output/checks.ts";

export default class Doctor extends AgentFlowCommand {
  static override summary =
    "Check this machine and this project: each line a fact and, where needed, the fix";
  static override description = "Exits 3 when anything is wrong (✗); ! is worth knowing and no fault.";
  static override examples = ["af doctor", "af doctor --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(Doctor);
    const folder = this.folder(flags);
    const checks = await examine({ folder, project: findProject(folder), environment: process.env });
    const bad = checks.some(({ state }) => state === "bad");
    this.output.data({ checks, ok: !bad });
    if (!this.output.json) printChecks(this.output, checks);
    if (bad) this.exitWith(errorTable.invalid_project.exit);
  }
}
