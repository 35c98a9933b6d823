import { showDuration } from "@agentflow/protocol";
import { AgentFlowCommand } from "../../base-command.ts";
import { Flags } from "../../flags.ts";
import { onInterrupt } from "../../runs/detach.ts";
import { bytesText } from "../../local/backup-report.ts";
import { dim, green, yellow } from "../../output/text.ts";
import { interruptedWork, sayLastLines } from "../../targets/failure.ts";
import { buildTargetImages } from "../../targets/images.ts";
import { targetFlags } from "../../targets/on-engine.ts";
import { openProjectTarget, openTargetEngine } from "../../targets/open.ts";
import { everyLine } from "../../targets/every-line.ts";
import { showWork } from "../../targets/progress.ts";

export default class ImageBuild extends AgentFlowCommand {
  static override summary = "Build this project's images on its target's engine";
  static override description =
    "Control plane, worker, and the code upon it. The tag is made of the content, so what is there is not\n" +
    "built again; `af up` does the same on its way.\n" +
    "buildx is used where docker has it, else the engine's own builder.\n" +
    "System packages for the workers go into a Dockerfile.agentflow in the project, which begins with\n" +
    "ARG WORKER_IMAGE and FROM ${WORKER_IMAGE}.\n" +
    ".afignore, or else .dockerignore, keeps files out; .env never comes in.";
  static override flags = {
    ...targetFlags,
    builder: Flags.option({
      options: ["buildx", "classic"] as const,
      description: "instead of what is found",
    })(),
    force: Flags.boolean({ description: "build also what is there" }),
    verbose: Flags.boolean({ description: "every line that the builder prints" }),
  };
  static override examples = [
    "af image build",
    "af image build --target staging --builder classic",
    "af image build --force --verbose",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(ImageBuild);
    const { dir, target } = await openProjectTarget({
      folder: this.folder(flags),
      environment: process.env,
      target: flags.target,
      context: flags.context,
      scale: [],
    });
    const { engine } = await openTargetEngine(target, process.env);
    using interrupt = onInterrupt();
    const startedMs = performance.now();
    const progress = flags.verbose ? everyLine(this.output) : showWork(this.output, target.name);
    try {
      const { images, built, notes } = await buildTargetImages({
        dir,
        target,
        engine,
        version: this.config.version,
        build: flags.force ? "always" : "when needed",
        builder: flags.builder,
        progress,
        signal: interrupt.signal,
      });
      progress.close();
      const ms = Math.round(performance.now() - startedMs);
      this.output.data({ target: target.name, images, built, notes }, { ms });
      for (const note of notes) this.output.say(yellow(note));
      for (const { reference, bytes, fromCache, ms: tookMs } of built) {
        const how = fromCache ? "as it was" : `built in ${showDuration(Math.round(tookMs / 100) * 100)}`;
        this.output.say([green("✓ "), reference, dim(`  ${bytesText(bytes)} above the base, ${how}`)]);
      }
      this.output.line(images.worker);
    } catch (error) {
      progress.close();
      if (interrupt.signal.aborted) throw interruptedWork("af image build");
      sayLastLines(this.output, error);
      throw error;
    } finally {
      engine.close();
    }
  }
}
