import type { World } from "@agentflow/host/clock";
import {
  type AgentFlowError,
  type DispatchTask,
  type InputAnswer,
  type InputId,
  instant,
  parseId,
  type ResentInput,
  type ResentTask,
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

const tasksPerInput = 100;
const againMs = 1_000;

/**
 * Tells runs that the queue had lost tasks of theirs, which were sent again: else the log shows one attempt
 * that takes long. Told once for each loss; nothing waits for it.
 */
export class Resends {
  private readonly parts: ResendsParts;
  private loss = "";
  private sentUpTo = 0;
  private told = new Set<string>();

  constructor(parts: ResendsParts) {
    this.parts = parts;
  }

  /** The queue has lost what it held: the tasks of commits up to `sentUpTo`, and whatever workers had. */
  begin(sentUpTo: number): void {
    this.sentUpTo = sentUpTo;
    this.loss = Buffer.from(this.parts.world.random.bytes(8)).toString("hex");
    this.told.clear();
  }

  /** Everything open was sent again. */
  end(): void {
    this.loss = "";
    this.told.clear();
  }

  /** The run's tasks that are sent now, all in one call; those that were never sent before are left out. */
  tell(ref: RunRef, sent: readonly TaskAgain[]): void {
    if (this.loss === "" || this.told.has(ref.key)) return;
    const tasks = sent.flatMap((task) => this.again(ref, task));
    if (tasks.length > 0) this.told.add(ref.key);
    const at = instant(this.parts.world.clock.now());
    for (let from = 0; from < tasks.length; from += tasksPerInput) {
      const some = tasks.slice(from, from + tasksPerInput);
      this.submit(ref, { kind: "resent", id: this.id(from), at, tasks: some });
    }
  }

  /** All runs' tasks that were sent again, because the queue restarted while this owner went on. */
  tellAll(items: readonly Item[]): void {
    this.begin(Number.MAX_VALUE);
    for (const own of Map.groupBy(items, ({ ref }) => ref.key).values()) {
      const [first] = own;
      if (first !== undefined) this.tell(first.ref, own);
    }
    this.end();
  }

  private submit(ref: RunRef, input: ResentInput): void {
    this.parts.submit(ref, input, (given) => {
      if (!("code" in given) || given.reason === "stopping") return;
      this.parts.world.timers.after(againMs, () => this.submit(ref, input), { background: true });
    });
  }

  /** A backlog is only long: nothing of it was interrupted, and nothing is told of it. */
  private again({ tenant, run }: RunRef, { command, revision }: TaskAgain): ResentTask[] {
    const { step, attempt } = command;
    const holder = this.parts.workers.lastHolder(tenant, { run, step, attempt });
    if (holder !== undefined) return [{ step, attempt, holder }];
    return revision > 0 && revision <= this.sentUpTo ? [{ step, attempt }] : [];
  }

  private id(from: number): InputId {
    return parseId("input", `resent-${this.loss}-${from}`);
  }
}
