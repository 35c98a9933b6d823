import { parseDuration, showDuration } from "@agentflow/protocol";
import { AgentFlowCommand } from "../base-command.ts";
import { contextFlag } from "../context-flag.ts";
import { Args, Flags } from "../flags.ts";
import { bold, dim, green } from "../output/text.ts";
import { onInterrupt } from "../runs/detach.ts";
import { interruptedWork, sayLastLines } from "../targets/failure.ts";
import { openInstalled } from "../targets/installed.ts";
import { showWork } from "../targets/progress.ts";

export default class Restart extends AgentFlowCommand {
  static override summary = "Start containers of a target anew, one after the other, as they are";
  static override description =
    "PART is a part (control-plane, worker-default) or one copy of it (worker-default-2); without one all " +
    "that run for long.\nEach is ready before the next one ends; workers end the work in flight first. " +
    "Images and settings stay: those are af up's.";
  static override strict = false;
  static override args = { part: Args.string({ ignoreStdin: true, description: "parts or copies" }) };
  static override flags = {
    context: contextFlag,
    target: Flags.string({ description: "a target of agentflow.yaml", helpValue: "TARGET" }),
    wait: Flags.boolean({ description: "wait until each is ready", allowNo: true, default: true }),
    timeout: Flags.string({ description: "longest wait", helpValue: "5m", default: "5m" }),
  };
  static override examples = [
    "af restart",
    "af restart control-plane worker-default",
    "af restart worker-default-2 --json",
  ];

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Restart);
    const timeoutMs = parseDuration(flags.timeout);
    const names = argv.filter((word): word is string => typeof word === "string");
    const folder = this.folder(flags);
    const { target, context } = flags;
    await using here = await openInstalled({
      folder,
      environment: process.env,
      target,
      context,
      inCluster: ({ namespace }) => `kubectl -n ${namespace} rollout restart deployment/NAME`,
    });
    using interrupt = onInterrupt();
    const { of, engine } = here;
    const progress = showWork(this.output, `${of.project}-${of.target}`);
    const startedMs = performance.now();
    try {
      const { realPace, restartParts } = await import("@agentflow/cluster/docker");
      const { wait } = flags;
      const { signal } = interrupt;
      const restarted = await restartParts({
        engine,
        of,
        names,
        progress,
        signal,
        timeoutMs,
        wait,
        pace: realPace,
      });
      progress.close();
      const ms = Math.round(performance.now() - startedMs);
      this.output.data({ target: of.target, restarted }, { ms });
      const count = restarted.length;
      const what = `${count} ${count === 1 ? "container" : "containers"} started anew`;
      this.output.say([green("✓ "), bold(of.target), `: ${what}`, dim(`  ${showDuration(ms)}`)]);
    } catch (error) {
      progress.close();
      sayLastLines(this.output, error);
      throw interrupt.signal.aborted ? interruptedWork(["af restart", ...names].join(" ")) : error;
    }
  }
}
