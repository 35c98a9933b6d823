import { covers, type Position } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import {
  type AgentFlowError,
  type DispatchTask,
  type InputAnswer,
  instant,
  parseId,
  type ResentInput,
  type ResentTask,
  type Shard,
} from "@agentflow/protocol";
import type { RunRef } from "../orchestrator/run-ref.ts";
import type { Item } from "./lane.ts";
import type { Workers } from "../registry/workers.ts";

export interface ResendsParts {
  readonly world: World;
  readonly workers: Workers;
  readonly submit: (
    ref: RunRef,
    input: ResentInput,
    answer: (given: InputAnswer | AgentFlowError) => void,
  ) => void;
}

/** A task on its way to the queue, and the commit that holds its command (0: not known). */
export interface TaskAgain {
  readonly command: DispatchTask;
  readonly revision: number;
}

interface Loss {
  /** Part of the ids of all inputs that tell of it. */
  readonly id: string;
  /** Undefined: all that is known was sent. */
  readonly sentUpTo: Position | undefined;
  readonly told: Set<string>;
}

const tasksPerInput = 100;
const againMs = 1_000;

/**
 * Tells runs that the queue had lost tasks of theirs, which were sent again: else the log shows one attempt
 * that takes long. Told once for each loss; nothing waits for it.
 */
export class Resends {
  private readonly parts: ResendsParts;
  /** By shard, while its open tasks are sent again. */
  private readonly losses = new Map<Shard, Loss>();

  constructor(parts: ResendsParts) {
    this.parts = parts;
  }

  /** The queue has lost what it held: the tasks of commits up to `sentUpTo`, and whatever workers had. */
  begin(shards: Iterable<Shard>, sentUpTo: Position): void {
    const loss = this.loss(sentUpTo);
    for (const shard of shards) this.losses.set(shard, loss);
  }

  /** Everything open was sent again. */
  end(shards: Iterable<Shard>): void {
    for (const shard of shards) this.losses.delete(shard);
  }

  /** The run's tasks that are sent now, all in one call; those that were never sent before are left out. */
  tell(ref: RunRef, sent: readonly TaskAgain[]): void {
    const loss = this.losses.get(ref.shard);
    if (loss !== undefined) this.tellOf(loss, ref, sent);
  }

  /** All runs' tasks that were sent again, because the queue restarted while this owner went on. */
  tellAll(items: readonly Item[]): void {
    const loss = this.loss(undefined);
    for (const own of Map.groupBy(items, ({ ref }) => ref.key).values()) {
      const [first] = own;
      if (first !== undefined) this.tellOf(loss, first.ref, own);
    }
  }

  private loss(sentUpTo: Position | undefined): Loss {
    const id = Buffer.from(this.parts.world.random.bytes(8)).toString("hex");
    return { id, sentUpTo, told: new Set() };
  }

  private tellOf(loss: Loss, ref: RunRef, sent: readonly TaskAgain[]): void {
    if (loss.told.has(ref.key)) return;
    const tasks = sent.flatMap((task) => this.again(ref, task, loss));
    if (tasks.length > 0) loss.told.add(ref.key);
    const at = instant(this.parts.world.clock.now());
    for (let from = 0; from < tasks.length; from += tasksPerInput) {
      const some = tasks.slice(from, from + tasksPerInput);
      const id = parseId("input", `resent-${loss.id}-${from}`);
      this.submit(ref, { kind: "resent", id, at, tasks: some });
    }
  }

  private submit(ref: RunRef, input: ResentInput): void {
    this.parts.submit(ref, input, (given) => {
      if (!("code" in given) || given.reason === "stopping") return;
      this.parts.world.timers.after(againMs, () => this.submit(ref, input), { background: true });
    });
  }

  /** A backlog is only long: nothing of it was interrupted, and nothing is told of it. */
  private again({ tenant, run }: RunRef, { command, revision }: TaskAgain, { sentUpTo }: Loss): ResentTask[] {
    const { step, attempt } = command;
    const holder = this.parts.workers.lastHolder(tenant, { run, step, attempt });
    if (holder !== undefined) return [{ step, attempt, holder }];
    const wasSent = revision > 0 && (sentUpTo === undefined || covers(sentUpTo, revision));
    return wasSent ? [{ step, attempt }] : [];
  }
}
