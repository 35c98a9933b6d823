import { showDuration } from "@agentflow/protocol";
import { resolve } from "node:path";
import { AgentFlowCommand } from "../base-command.ts";
import { findingText } from "../local/backup-report.ts";
import { needProject } from "../config/installation.ts";
import { Args, Flags } from "../flags.ts";
import { bold, cyan, dim, green } from "../output/text.ts";
import { onInterrupt } from "../runs/detach.ts";

export default class Restore extends AgentFlowCommand {
  static override summary = "Put a backup into a project whose state is empty; af dev goes on with its runs";
  static override description =
    "The file is checked first, then written, then all of it is read again. Keys work as before; the\n" +
    "local token is the project's own. What is left of a restore that died half-way is refused by af dev\n" +
    "until it was done again, or thrown away: af dev --fresh.";
  static override args = { file: Args.string({ required: true, description: "what af backup wrote" }) };
  static override flags = {
    into: Flags.string({ description: "the project's folder; this one when left out", helpValue: "DIR" }),
    "accept-faults": Flags.boolean({ description: "restore what there is of a backup that has faults" }),
  };
  static override examples = [
    "af restore nightly.zst",
    "af restore nightly.zst --into ../triage-copy",
    "af restore nightly.zst --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Restore);
    const startedMs = Date.now();
    const folder = this.folder(flags);
    const dir = needProject(flags.into === undefined ? folder : resolve(folder, flags.into));
    const { openBackup } = await import("../local/backup-file.ts");
    const { restoreState } = await import("../local/state.ts");
    using interrupt = onInterrupt();
    const { file, written } = await restoreState({
      dir,
      version: this.config.version,
      open: openBackup(resolve(folder, args.file)),
      acceptFaults: flags["accept-faults"],
      signal: interrupt.signal,
    });
    const ms = Date.now() - startedMs;
    const { installation, at } = file.head;
    const { runs, findings } = written;
    this.output.data({ dir, installation, madeAt: at, runs, findings }, { ms });
    for (const finding of file.findings) this.output.say(findingText(finding));
    this.output.say([
      green("✓ "),
      bold(`${runs.open + runs.ended + runs.archived + runs.parked} runs`),
      ` as of ${at}, ${runs.open} of them open`,
      dim(`  ${dir}, ${showDuration(ms)}`),
    ]);
    this.output.say([dim("go on with them: "), cyan("af dev")]);
  }
}
