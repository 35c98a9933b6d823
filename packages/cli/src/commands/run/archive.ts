import { AgentFlowError, readDuration } from "@agentflow/protocol";
import { ApiCommand } from "../../api-command.ts";
import { Flags } from "../../flags.ts";

export default class RunArchive extends ApiCommand {
  static override summary = "Move ended runs out of the log into archives, now";
  static override description =
    "They are listed, shown and traced as before; the bus gets its memory back. Runs that began within the " +
    "last hour stay. The installation does this by itself, by its settings retain.*; " +
    "of all tenants, so it needs the scope operator.";
  static override flags = {
    "older-than": Flags.string({ description: "those that ended longer ago: 2h, 1d", helpValue: "DURATION" }),
    keep: Flags.integer({ description: "all but the newest so many; 0: all", min: 0, helpValue: "N" }),
  };
  static override examples = ["af run archive --older-than 1d", "af run archive --keep 0"];

  async run(): Promise<void> {
    const { flags } = await this.parse(RunArchive);
    const { keep } = flags;
    const olderThanMs = flags["older-than"] === undefined ? undefined : durationOf(flags["older-than"]);
    if (keep === undefined && olderThanMs === undefined) {
      throw new AgentFlowError("invalid_input", "which runs? --older-than DURATION or --keep N", {
        reason: "flag_missing",
        suggestions: RunArchive.examples,
      });
    }
    const client = await this.connect(flags, { changes: true });
    let archived = 0;
    for (;;) {
      const { archived: moved } = await client.archive({
        ...(olderThanMs === undefined ? {} : { olderThanMs }),
        ...(keep === undefined ? {} : { keepRuns: keep }),
      });
      if (moved === 0) break;
      archived += moved;
      this.output.say([`${archived} archived`]);
    }
    this.output.data({ archived });
    this.output.line(`${archived} ended runs left the log`);
  }
}

function durationOf(text: string): number {
  const ms = readDuration(text);
  if (ms !== undefined) return ms;
  throw new AgentFlowError("invalid_input", `${JSON.stringify(text.slice(0, 60))} is no duration`, {
    reason: "invalid_duration",
    suggestions: ["write 30m, 2h or 1d"],
  });
}
