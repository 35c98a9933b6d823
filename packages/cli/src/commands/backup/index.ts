import { AgentFlowError, showDuration } from "@agentflow/protocol";
import { resolve } from "node:path";
import { ApiCommand } from "../../api-command.ts";
import { backupName, bytesText, recordsText } from "../../local/backup-report.ts";
import { needProject } from "../../config/installation.ts";
import { Args, Flags } from "../../flags.ts";
import { bold, dim, green, yellow } from "../../output/text.ts";

export default class Backup extends ApiCommand {
  static override summary = "Save the whole installation into one file, while it runs";
  static override description =
    "Runs, ended and archived ones, workflows, keys (as hashes), dead letters and the audit trail, and\n" +
    "what they name. Nothing waits for it, and it waits for no run. While af dev is down it is taken from\n" +
    "the state itself. Over the API it needs a key with the scope backup.";
  static override args = {
    file: Args.string({ ignoreStdin: true, description: "the file; named by the time when left out" }),
  };
  static override flags = {
    telemetry: Flags.boolean({ description: "logs and spans too" }),
    force: Flags.boolean({ description: "replace a file of this name" }),
  };
  static override examples = [
    "af backup",
    "af backup before-upgrade.zst --force",
    "af backup verify before-upgrade.zst",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Backup);
    const startedMs = Date.now();
    const file = resolve(this.folder(flags), args.file ?? backupName(startedMs));
    const source = await this.#source(flags);
    const { saveBackup } = await import("../../local/backup-file.ts");
    const saved = await saveBackup(source.bytes, { file, force: flags.force });
    const ms = Date.now() - startedMs;
    this.output.data({ ...saved, from: source.from }, { ms });
    this.output.line(saved.file);
    this.output.say([
      green("✓ "),
      bold(bytesText(saved.fileBytes)),
      `  ${recordsText(saved.counts)}`,
      dim(`  installation ${saved.installation}, ${source.from}, ${showDuration(ms)}`),
    ]);
    if (saved.counts.missing > 0) {
      const many = `${saved.counts.missing} blobs that are named are missing or damaged in the installation`;
      this.output.warn(yellow(`${many}: af backup verify ${saved.file}`));
    }
  }

  /** What runs is asked; where nothing does, the project's state is read. */
  async #source(flags: Given): Promise<{ bytes: AsyncIterable<Uint8Array>; from: string }> {
    const { telemetry } = flags;
    try {
      const client = await this.connect(flags);
      return { bytes: client.backup({ telemetry }), from: this.installation(flags).url };
    } catch (error) {
      if (!AgentFlowError.is(error) || error.reason !== "not_running") throw error;
    }
    const dir = needProject(this.folder(flags));
    const { readState } = await import("../../local/state.ts");
    return { bytes: readState({ dir, version: this.config.version, telemetry }), from: "the state at rest" };
  }
}

interface Given {
  readonly dir?: string | undefined;
  readonly url?: string | undefined;
  readonly telemetry: boolean;
}
