/** One attempt of an agent's step: its loop and those of its sub-agents, until there is what to report. */
import type { Failure, Task, UsageTotals } from "@agentflow/protocol";
import { failureOf } from "../worker/keys.ts";
import { maskedFailure } from "../worker/masked-failure.ts";
import { resolveInput } from "../worker/values.ts";
import { Account, limitsOf } from "./account.ts";
import { isNotStored } from "./ends-attempt.ts";
import { isFenced } from "./fenced.ts";
import type { AgentHouse, Drive } from "./house.ts";
import { openLoop } from "./loop.ts";
import type { LoopEnd, OpenLoop } from "./loop-types.ts";
import type { ModelAgent } from "./rules.ts";
import { requireSecrets } from "./require-secrets.ts";
import { attemptContext } from "@agentflow/host/spans";
import { askAbout, isUnreadable, saidOf } from "./unreadable.ts";
import { createValues } from "./values.ts";

export type DriveEnd =
  | ((LoopEnd | Interrupted) & {
      /** All that the step has used up; absent when its journals were not read: then the last word stands. */
      readonly usage?: UsageTotals;
      readonly code: string | undefined;
    })
  /** Another attempt has the journal: nobody waits for this one. */
  | { readonly kind: "fenced" }
  /** The task was taken back, or its lease lost. */
  | { readonly kind: "lost" };

/** Something that was to be stored could not be: as good as a worker that died before it could say so. */
interface Interrupted {
  readonly kind: "interrupted";
  readonly reason: string;
}

export interface OpenDrive {
  readonly end: Promise<DriveEnd>;
  /** The time is up: calls are asked to stop, and the journal says how the attempt ended. */
  stop(failure: Failure): void;
  /** Ends the runners of calls that would not stop. */
  kill(reason: string): void;
}

export interface DriveOptions {
  readonly house: AgentHouse;
  readonly task: Task;
  readonly agent: ModelAgent;
  readonly lost: AbortSignal;
  readonly timeoutMs: number;
}

export function openDrive(options: DriveOptions): OpenDrive {
  const { house, task, agent, lost, timeoutMs } = options;
  const abandoned = new AbortController();
  let loop: OpenLoop | undefined;
  let stopped: Failure | undefined;
  let code: string | undefined;
  let abandonedBy: { readonly error: unknown } | undefined;
  let isRead = false;
  const account = new Account(task.budget ?? {});
  const drive: Drive = {
    house,
    task,
    values: createValues({ blobs: house.bus.blobs, tenant: task.tenant, run: task.run }),
    lost: AbortSignal.any([lost, abandoned.signal]),
    deadlineMs: house.world.clock.now() + timeoutMs,
    onRead() {
      isRead = true;
    },
    abandon(why) {
      abandonedBy ??= { error: why };
      abandoned.abort();
    },
    onCode(of) {
      code = of;
    },
  };
  const run = async (): Promise<LoopEnd> => {
    requireSecrets(agent, house);
    const input = await resolveInput(task, house.bus.blobs);
    const own = account.open(task.step, limitsOf(agent.agent.limits));
    loop = openLoop({
      drive,
      agent,
      input,
      step: task.step,
      depth: 1,
      account: own,
      parent: attemptContext(task),
    });
    if (stopped !== undefined) void loop.stop(stopped);
    return loop.run();
  };
  const end = run()
    .catch((error: unknown) => endOf(abandonedBy === undefined ? error : abandonedBy.error, options))
    .then((ended): DriveEnd => {
      if (lost.aborted) return { kind: "lost" };
      if (ended.kind === "fenced") return ended;
      return { ...ended, ...(isRead ? { usage: account.total() } : {}), code };
    });
  return {
    end,
    stop(failure) {
      stopped ??= failure;
      void loop?.stop(failure);
    },
    kill: (reason) => loop?.kill(reason),
  };
}

function endOf(
  error: unknown,
  { house, task, agent }: DriveOptions,
): LoopEnd | Interrupted | { readonly kind: "fenced" } {
  if (isFenced(error)) return { kind: "fenced" };
  if (isUnreadable(error)) {
    const said = saidOf(task.step, task.answers);
    if (said === undefined) {
      return { kind: "suspended", asks: [askAbout(error, { step: task.step, agent: agent.name })] };
    }
    if (said.as === "done") return { kind: "finished", output: said.output ?? { inline: null } };
  }
  const failure = maskedFailure(failureOf(error), house.masks);
  if (isNotStored(error)) {
    return { kind: "interrupted", reason: `not_stored: ${failure.message}` };
  }
  return { kind: "failed", failure, retryable: false };
}
