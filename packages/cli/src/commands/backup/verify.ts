import { AgentFlowError, showDuration } from "@agentflow/protocol";
import { resolve } from "node:path";
import { AgentFlowCommand } from "../../base-command.ts";
import { findingText, printReport } from "../../local/backup-report.ts";
import { Args } from "../../flags.ts";
import { green } from "../../output/text.ts";

export default class BackupVerify extends AgentFlowCommand {
  static override summary = "Check a backup: whole, every history folds, all that is named is there";
  static override description =
    "Reads the file twice and touches nothing else. Faults are named with run and revision, and exit with 8.";
  static override args = { file: Args.string({ required: true, description: "the file" }) };
  static override examples = ["af backup verify nightly.zst", "af backup verify nightly.zst --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(BackupVerify);
    const startedMs = Date.now();
    const { verifyFile } = await import("../../local/backup-file.ts");
    const report = await verifyFile(resolve(this.folder(flags), args.file));
    const ms = Date.now() - startedMs;
    if (!this.output.json) {
      printReport(this.output, report);
      for (const finding of report.findings) this.output.line(findingText(finding));
    }
    if (report.errors > 0) {
      throw new AgentFlowError("refused", `the backup has ${report.errors} faults`, {
        reason: "backup_faulty",
        details: this.output.json ? { ...report } : { errors: report.errors },
        suggestions: ["af restore --accept-faults restores what there is"],
      });
    }
    this.output.data(report, { ms });
    this.output.say([
      green("✓ "),
      `whole; every history folds, every named blob is there (${showDuration(ms)})`,
    ]);
  }
}
