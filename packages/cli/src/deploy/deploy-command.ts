/** What the commands of a deploy have in common: the target that is meant, and a release carried there. */
import type { DeploySecrets, Release } from "@agentflow/cluster/kubernetes";
import { parseDuration } from "@agentflow/protocol";
import { AgentFlowCommand } from "../base-command.ts";
import { Flags } from "../flags.ts";
import { onInterrupt } from "../runs/detach.ts";
import { saidIncompatible } from "../targets/incompatible.ts";
import { type Shown, showWork } from "../targets/progress.ts";
import { confirmedData, interruptedDeploy, sayFailure, sayWhere } from "./common.ts";
import { type ClusterTarget, openClusterTarget } from "./open.ts";
import type { PreparedRelease } from "./release.ts";
import { reportDeploy } from "./report.ts";
import { deployingOf, sayPlan } from "./run.ts";
import { saveDeployed } from "./save-context.ts";

/** For commands whose argument is something else. */
export const targetFlag = {
  target: Flags.string({ description: "a target of agentflow.yaml", helpValue: "TARGET" }),
};

export const planFlag = {
  plan: Flags.boolean({ description: "only say what would change; exit 16 when something would" }),
};

interface GlobalFlags {
  readonly context?: string | undefined;
  readonly dir?: string | undefined;
}

interface CarryFlags extends GlobalFlags {
  readonly wait: boolean;
  readonly timeout: string;
  readonly plan: boolean;
  readonly yes: boolean;
  readonly "force-conflicts": boolean;
  readonly "prune-data": boolean;
  readonly reason: string | undefined;
  readonly json: boolean;
  readonly "no-input": boolean;
}

export interface Carrying {
  readonly target: string | undefined;
  readonly flags: CarryFlags;
  /** The project is carried there as it is now, so what is wrong in it is refused. */
  readonly whole: boolean;
}

export interface CarryWork {
  readonly shown: Shown;
  readonly signal: AbortSignal;
}

export interface Carried {
  readonly release: Release;
  readonly secrets: DeploySecrets;
  readonly prepared?: PreparedRelease;
  readonly rollbackTo?: number;
}

export abstract class DeployCommand extends AgentFlowCommand {
  /** Whoever opens it disposes of it. */
  protected openTarget(
    target: string | undefined,
    flags: GlobalFlags,
    whole = false,
  ): Promise<ClusterTarget> {
    const { context } = flags;
    const of = { folder: this.folder(flags), environment: process.env, target, context, whole };
    return openClusterTarget(of);
  }

  /** From a release to its plan, or to the report of its deploy; explained when it fails. */
  protected async carry(
    { target, flags, whole }: Carrying,
    prepare: (on: ClusterTarget, work: CarryWork) => Promise<Carried>,
  ): Promise<void> {
    const timeoutMs = parseDuration(flags.timeout);
    using on = await this.openTarget(target, flags, whole);
    const { where } = on;
    if (!(await confirmedData(flags, { mayAsk: this.mayAsk(flags), where }))) return;
    using interrupt = onInterrupt();
    const { signal } = interrupt;
    sayWhere(this.output, on);
    const shown = showWork(this.output, on.release, 38);
    const startedMs = performance.now();
    try {
      const { deploy, planDeploy, refuseConflicts } = await import("@agentflow/cluster/kubernetes");
      const { prepared, ...carried } = await prepare(on, { shown, signal });
      const deploying = await deployingOf({ on, ...carried, flags, timeoutMs, shown, signal });
      if (flags.plan) {
        const plan = await planDeploy(deploying);
        shown.close();
        refuseConflicts(deploying, plan);
        sayPlan(this.output, on, plan);
        return;
      }
      const deployed = await deploy(deploying);
      const unsaved = await saveDeployed(on);
      shown.close();
      await reportDeploy(this.output, {
        on,
        deployed,
        build: carried.release.build,
        waited: flags.wait,
        ms: performance.now() - startedMs,
        ...(prepared === undefined ? {} : { prepared }),
        notes: [...(prepared?.notes ?? []), ...unsaved],
      });
    } catch (error) {
      shown.close();
      if (signal.aborted) throw interruptedDeploy(on.project.target.name, error);
      sayFailure(this.output, error);
      if (!saidIncompatible(this.output, error)) throw error;
    }
  }
}
