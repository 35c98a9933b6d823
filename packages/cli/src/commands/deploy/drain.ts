import { AgentFlowError, exitCodes, nearest, parseDuration, showDuration } from "@agentflow/protocol";
import { contextFlag } from "../../context-flag.ts";
import { DeployCommand, targetFlag } from "../../deploy/deploy-command.ts";
import { type BuildRuns, openInstallation, runsOf } from "../../deploy/installation.ts";
import { Args, Flags } from "../../flags.ts";
import { bold, cyan, dim, green } from "../../output/text.ts";
import { onInterrupt } from "../../runs/detach.ts";
import { setTimeout as sleep } from "node:timers/promises";

const lookMs = 1_000;

export default class DeployDrain extends DeployCommand {
  static override summary = "Wait until no run is left on a build; then its workers may go";
  static override description =
    "Runs stay on the build that they began on. This waits for their end and changes nothing.\n" +
    "A build that takes new runs is refused (exit 8): deploy another one first.";
  static override args = {
    build: Args.string({ required: true, ignoreStdin: true, description: "a build of af deploy status" }),
  };
  static override flags = {
    context: contextFlag,
    ...targetFlag,
    timeout: Flags.string({ description: "longest wait, then exit 7", helpValue: "1h", default: "1h" }),
  };
  static override examples = [
    "af deploy drain 0f3a12bc44de",
    "af deploy drain 0f3a12bc44de --target prod --timeout 8h",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DeployDrain);
    const timeoutMs = parseDuration(flags.timeout);
    using on = await this.openTarget(flags.target, flags);
    const { name } = on.project.target;
    using interrupt = onInterrupt();
    await using there = await openInstallation(on);
    const untilMs = performance.now() + timeoutMs;
    const first = await there.client.builds.list();
    if (!first.items.some(({ build }) => build === args.build)) {
      throw unknownBuild(
        args.build,
        first.items.map(({ build }) => build),
      );
    }
    for (let said = -1; ; ) {
      const list = await there.client.builds.list();
      const now = runsOf(list, args.build);
      if (now.takesNewRuns) throw takesNewRuns(args.build, name);
      if (now.openRuns === 0 && list.unreadable > 0) throw unreadable(list.unreadable);
      if (now.openRuns === 0) return this.#report(now, name);
      if (now.openRuns !== said)
        this.output.say([`${now.openRuns} left`, dim(`  oldest ${now.oldest ?? ""}`)]);
      said = now.openRuns;
      if (performance.now() > untilMs) throw late(now, { timeoutMs, target: name });
      await sleep(lookMs, undefined, { signal: interrupt.signal }).catch(() => undefined);
      if (interrupt.signal.aborted) {
        // Below the ^C that the terminal shows.
        if (this.output.talkTerminal) this.output.say();
        throw interrupted(args.build, name);
      }
    }
  }

  #report({ build, openRuns }: BuildRuns, target: string): void {
    this.output.data({ target, build, openRuns });
    this.output.say([green("✓ "), "no run is left on ", bold(build)]);
    this.output.say([dim("its workers may go: "), cyan(`af deploy gc ${target}`)]);
    this.exitWith(exitCodes.ok);
  }
}

function unknownBuild(build: string, known: readonly string[]): AgentFlowError {
  const near = nearest(build, known);
  return new AgentFlowError("not_found", `there is no build ${build}`, {
    reason: "build_unknown",
    details: { builds: known },
    suggestions: [
      ...(near === undefined ? [] : [`did you mean: ${near}`]),
      known.length === 0 ? "there are none" : `there are: ${known.join(", ")}`,
    ],
  });
}

function takesNewRuns(build: string, target: string): AgentFlowError {
  return new AgentFlowError("refused", `new runs begin on build ${build}: it would never be drained`, {
    reason: "build_in_use",
    suggestions: [`deploy another build first: af deploy ${target}`],
  });
}

function unreadable(count: number): AgentFlowError {
  const what = count === 1 ? "an open run" : `${count} open runs`;
  return new AgentFlowError("refused", `of ${what} this release cannot read the build: it may be any`, {
    reason: "build_unknown",
    details: { unreadable: count },
    suggestions: ["which: af run list --active", "a newer release reads them: af deploy"],
  });
}

function late(
  { build, openRuns, oldest }: BuildRuns,
  { timeoutMs, target }: { readonly timeoutMs: number; readonly target: string },
): AgentFlowError {
  const left = openRuns === 1 ? "a run is" : `${openRuns} runs are`;
  return new AgentFlowError("timeout", `after ${showDuration(timeoutMs)} ${left} left on build ${build}`, {
    reason: "build_not_drained",
    details: { build, openRuns, ...(oldest === undefined ? {} : { oldest }) },
    suggestions: [
      ...(oldest === undefined ? [] : [`what the oldest waits for: af why ${oldest} --context ${target}`]),
      `wait longer: af deploy drain ${build} --target ${target} --timeout 8h`,
    ],
  });
}

function interrupted(build: string, target: string): AgentFlowError {
  return new AgentFlowError("refused", "stopped waiting; the runs go on", {
    reason: "interrupted",
    suggestions: [`go on waiting: af deploy drain ${build} --target ${target}`],
  });
}
