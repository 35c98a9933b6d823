import { AgentFlowCommand } from "../../base-command.ts";
import { Flags } from "../../flags.ts";
import { dim, green } from "../../output/text.ts";
import { onTargetEngine, targetFlags } from "../../targets/on-engine.ts";

export default class ImagePrune extends AgentFlowCommand {
  static override summary = "Remove this project's old images from the target's engine";
  static override description =
    "Images that a container is made of stay, running or not, and so does the newest of each name.";
  static override flags = {
    ...targetFlags,
    all: Flags.boolean({ description: "every image of AgentFlow on the engine, other projects' too" }),
    keep: Flags.integer({ description: "how many of each name stay", min: 1, max: 1_000, default: 1 }),
    "dry-run": Flags.boolean({ description: "only say which would go" }),
  };
  static override examples = ["af image prune --dry-run", "af image prune --keep 3", "af image prune --all"];

  async run(): Promise<void> {
    const { flags } = await this.parse(ImagePrune);
    const { target, context, all, keep, "dry-run": dryRun } = flags;
    const { old, gone } = await onTargetEngine(
      { folder: this.folder(flags), target, context },
      async (on) => {
        const { listImages, prunable, pruneImages } = await import("@agentflow/cluster/image");
        const scope = all ? {} : { project: on.target.project.name };
        const found = prunable(await listImages(on.engine), { ...scope, keep });
        return { old: found, gone: dryRun ? found : await pruneImages(on.engine, found) };
      },
    );
    this.output.data({ dryRun, items: gone });
    for (const { reference } of gone) this.output.line(reference);
    const inUse = old.length - gone.length;
    if (gone.length === 0) this.output.say([green("✓ "), "nothing to remove"]);
    else this.output.say([green("✓ "), `${gone.length} ${dryRun ? "would go" : "removed"}`]);
    if (inUse > 0) this.output.say(dim(`${inUse} came into use meanwhile and stay`));
  }
}
