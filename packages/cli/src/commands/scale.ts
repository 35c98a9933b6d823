import { parseDuration, showDuration } from "@agentflow/protocol";
import { AgentFlowCommand } from "../base-command.ts";
import { contextFlag } from "../context-flag.ts";
import { Args, Flags } from "../flags.ts";
import { bold, dim, green } from "../output/text.ts";
import { onInterrupt } from "../runs/detach.ts";
import { interruptedWork, sayLastLines } from "../targets/failure.ts";
import { openInstalled } from "../targets/installed.ts";
import { showWork } from "../targets/progress.ts";
import { writeScale } from "../targets/scale-file.ts";
import { makeUp, prepareUp } from "../targets/up.ts";

export default class Scale extends AgentFlowCommand {
  static override summary = "Change how many workers of a pool, or control planes, a target runs";
  static override description =
    "Nothing is built where a worker runs, and no other part changes. Workers that go end the work in " +
    "flight first.\nThe number is kept in .agentflow/scale.json and holds for every later af up, until " +
    "agentflow.yaml says another number than it does now.";
  static override strict = false;
  static override args = {
    "pool=n": Args.string({ required: true, description: "copies of a pool's workers; or control-plane=N" }),
  };
  static override flags = {
    context: contextFlag,
    target: Flags.string({ description: "a target of agentflow.yaml", helpValue: "TARGET" }),
    wait: Flags.boolean({ description: "wait until new ones are ready", allowNo: true, default: true }),
    timeout: Flags.string({ description: "longest wait", helpValue: "5m", default: "5m" }),
  };
  static override examples = ["af scale default=3", "af scale control-plane=2 gpu=0 --json"];

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Scale);
    const timeoutMs = parseDuration(flags.timeout);
    const words = argv.filter((word): word is string => typeof word === "string");
    const { target, context } = flags;
    const opening = { folder: this.folder(flags), environment: process.env, target, context, scale: words };
    await using here = await openInstalled({
      ...opening,
      inCluster: (of) =>
        `say it in agentflow.yaml (workers, scaling of ${of.target}): af deploy ${of.target}`,
    });
    using interrupt = onInterrupt();
    const { project, engine } = here;
    const progress = showWork(this.output, `${here.of.project}-${here.of.target}`);
    const startedMs = performance.now();
    try {
      const { version } = this.config;
      const upping = {
        project,
        engine,
        address: engine.address,
        version,
        environment: process.env,
        build: "running",
        progress,
        signal: interrupt.signal,
      } as const;
      const prepared = await prepareUp(upping);
      const { installation } = prepared;
      const only = new Set([...Object.keys(project.scale), "register"]);
      const { applied } = await makeUp(upping, prepared, { wait: flags.wait, timeoutMs, only });
      progress.close();
      writeScale(project.dir, here.of.target, { copies: project.scale, authored: project.authored });
      const ms = Math.round(performance.now() - startedMs);
      const copies = installation.parts.flatMap(({ name, runs, replicas }) =>
        runs === "once" ? [] : [[name, replicas] as const],
      );
      this.output.data({ target: here.of.target, copies: Object.fromEntries(copies), applied }, { ms });
      const shown = copies.map(([name, count]) => `${count} ${name}`).join(", ");
      this.output.say([green("✓ "), bold(here.of.target), `: ${shown}`, dim(`  ${showDuration(ms)}`)]);
    } catch (error) {
      progress.close();
      sayLastLines(this.output, error);
      throw interrupt.signal.aborted ? interruptedWork(`af scale ${words.join(" ")}`) : error;
    }
  }
}
