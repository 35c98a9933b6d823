import { AgentFlowCommand } from "../../base-command.ts";
import { contextFlag } from "../../context-flag.ts";
import { Flags } from "../../flags.ts";
import { dim, green } from "../../output/text.ts";
import { openProjectTarget, openTargetEngine } from "../../targets/open.ts";

export default class ImagePrune extends AgentFlowCommand {
  static override summary = "Remove this project's old images from the target's engine";
  static override description =
    "Images that a container is made of stay, running or not, and so does the newest of each name.";
  static override flags = {
    target: Flags.string({ description: "a target of agentflow.yaml", helpValue: "TARGET" }),
    context: contextFlag,
    all: Flags.boolean({ description: "every image of AgentFlow on the engine, other projects' too" }),
    keep: Flags.integer({ description: "how many of each name stay", min: 1, max: 1_000, default: 1 }),
    "dry-run": Flags.boolean({ description: "only say which would go" }),
  };
  static override examples = ["af image prune --dry-run", "af image prune --keep 3", "af image prune --all"];

  async run(): Promise<void> {
    const { flags } = await this.parse(ImagePrune);
    const { target } = await openProjectTarget({
      folder: this.folder(flags),
      environment: process.env,
      target: flags.target,
      context: flags.context,
      scale: [],
    });
    const { engine } = await openTargetEngine(target, process.env);
    try {
      const { listImages, prunable, pruneImages } = await import("@agentflow/cluster/image");
      const scope = flags.all ? {} : { project: target.project.name };
      const old = prunable(await listImages(engine), { ...scope, keep: flags.keep });
      const dryRun = flags["dry-run"];
      const gone = dryRun ? old : await pruneImages(engine, old);
      this.output.data({ dryRun, items: gone });
      for (const { reference } of gone) this.output.line(reference);
      const inUse = old.length - gone.length;
      if (gone.length === 0) this.output.say([green("✓ "), "nothing to remove"]);
      else this.output.say([green("✓ "), `${gone.length} ${dryRun ? "would go" : "removed"}`]);
      if (inUse > 0) this.output.say(dim(`${inUse} came into use meanwhile and stay`));
    } finally {
      engine.close();
    }
  }
}
