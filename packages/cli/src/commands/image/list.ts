import type { ImageView } from "@agentflow/cluster/image";
import { AgentFlowCommand } from "../../base-command.ts";
import { Flags } from "../../flags.ts";
import { bytesText } from "../../local/backup-report.ts";
import { printTable } from "../../output/table.ts";
import { type Text, cyan, dim } from "../../output/text.ts";
import { ago } from "../../output/when.ts";
import { onTargetEngine, targetFlags } from "../../targets/on-engine.ts";

export default class ImageList extends AgentFlowCommand {
  static override summary =
    "List the images of AgentFlow on the target's engine: size above the base, who uses them";
  static override flags = {
    ...targetFlags,
    all: Flags.boolean({ description: "other projects' too" }),
  };
  static override examples = ["af image list", "af image list --all --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(ImageList);
    const { target, context, all } = flags;
    const items = await onTargetEngine({ folder: this.folder(flags), target, context }, async (on) => {
      const { listImages } = await import("@agentflow/cluster/image");
      const every = await listImages(on.engine);
      const own = on.target.project.name;
      return every.filter(({ project }) => all || project === null || project === own);
    });
    this.output.data({ items });
    if (this.output.json) return;
    if (items.length === 0) this.output.say(["No images. Build them: ", cyan("af image build")]);
    else printTable(this.output, columnsAt(Date.now()), items);
  }
}

function nameOf({ reference, id }: ImageView): Text {
  return reference === id ? dim(`untagged ${id.replace(/^sha256:/, "").slice(0, 12)}`) : reference;
}

function columnsAt(nowMs: number) {
  return [
    { title: "IMAGE", of: nameOf },
    {
      title: "ABOVE BASE",
      of: ({ aboveBaseBytes }: ImageView): Text =>
        aboveBaseBytes === null ? "–" : bytesText(aboveBaseBytes),
      side: "right" as const,
    },
    { title: "MADE", of: ({ createdAt }: ImageView): Text => ago(createdAt, nowMs) },
    {
      title: "USED BY",
      of: ({ usedBy }: ImageView): Text => (usedBy.length === 0 ? dim("–") : usedBy.join(", ")),
      flexible: true,
    },
  ];
}
