import type { Engine } from "@agentflow/cluster/engine";
import { deployFlags, targetArgs } from "../../deploy/common.ts";
import { DeployCommand, planFlag } from "../../deploy/deploy-command.ts";
import { checkImages, isOnItsNodes } from "../../deploy/nodes.ts";
import { prepareRelease } from "../../deploy/release.ts";
import { Flags } from "../../flags.ts";
import { dim, green, yellow } from "../../output/text.ts";
import { onInterrupt } from "../../runs/detach.ts";
import { showWork } from "../../targets/progress.ts";

export default class Deploy extends DeployCommand {
  static override summary = "Carry this project to a cluster: show what changes, apply it, wait with reasons";
  static override description =
    "TARGET is one of agentflow.yaml on Kubernetes; without one the context in use, else the only one.\n" +
    "The same again changes nothing. What fails is said at once, with its events and last lines.\n" +
    "Ctrl-C stops the waiting alone; a deploy that dies is followed by the next, no lock stays behind.";
  static override args = targetArgs;
  static override flags = {
    ...deployFlags,
    ...planFlag,
    build: Flags.boolean({
      description: "build images even when the same ones are there; --no-build: never",
      allowNo: true,
    }),
    image: Flags.string({
      description: "an image that is there, instead of one built here: nats, control-plane, worker",
      helpValue: "PART=REFERENCE",
      multiple: true,
      multipleNonGreedy: true,
    }),
    out: Flags.string({
      description: "only write it for another tool: manifests=DIR (- is stdout), chart=DIR, compose=FILE",
      helpValue: "FORM=PLACE",
      exclusive: ["plan"],
    }),
    keda: Flags.boolean({
      description: "with --out, which asks no cluster: it has KEDA",
      dependsOn: ["out"],
    }),
  };
  static override examples = [
    "af deploy",
    "af deploy prod --plan",
    "af deploy prod --out chart=./chart",
    'af deploy prod --reason "new prompts" --timeout 15m',
    "af deploy prod --image worker=reg.example.com/triage:0f3a12bc44de",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Deploy);
    if (flags.out !== undefined) return this.#write(flags.out, { ...flags, target: args.target });
    const carrying = { target: args.target, flags, whole: true };
    await this.carry(carrying, async (on, { shown, signal }) => {
      const { Access } = await import("@agentflow/cluster/kubernetes");
      const wanted = {
        on,
        version: this.config.version,
        build: buildOf(flags),
        named: flags.image ?? [],
        progress: shown,
        signal,
        check: async (engine: Engine, image: string) => checkImages(on, engine, image),
        isThere: async (image: string) => isOnItsNodes(on, image),
      };
      const prepared = await prepareRelease(wanted, new Access(on.cluster, on.namespace));
      return { release: prepared.release, secrets: prepared.secrets, prepared };
    });
  }

  async #write(out: string, flags: WriteFlags): Promise<void> {
    using interrupt = onInterrupt();
    const shown = showWork(this.output, "files");
    const { deployOut } = await import("../../deploy/out.ts");
    const written = await deployOut({
      folder: this.folder(flags),
      environment: process.env,
      target: flags.target,
      context: flags.context,
      out,
      keda: flags.keda,
      version: this.config.version,
      named: flags.image ?? [],
      progress: shown,
      signal: interrupt.signal,
    }).finally(() => shown.close());
    const { out: to, target, files, notes, text } = written;
    this.output.data({ target, out: { kind: to.kind, where: to.where }, files, notes });
    if (this.output.json) return;
    for (const note of notes) this.output.say(yellow(note));
    if (text === undefined) this.output.line([green("✓ "), to.where, dim(`  ${filesOf(files.length)}`)]);
    else for (const line of text.trimEnd().split("\n")) this.output.line(line);
  }
}

function filesOf(count: number): string {
  return count === 1 ? "1 file" : `${count} files`;
}

interface WriteFlags {
  readonly dir?: string | undefined;
  readonly target: string | undefined;
  readonly context: string | undefined;
  readonly keda: boolean;
  readonly image: readonly string[] | undefined;
}

function buildOf(flags: {
  readonly build: boolean | undefined;
  readonly plan: boolean;
}): "when needed" | "always" | "never" | "named" {
  if (flags.plan) return "named";
  if (flags.build === undefined) return "when needed";
  return flags.build ? "always" : "never";
}
