/** Dead letters as people see them: one line a task, with how that task stands now. */
import type { Log, Queue } from "@agentflow/bus";
import {
  type DispatchTask,
  type DeadLetterView,
  type DeadState,
  instant,
  prefixes,
} from "@agentflow/protocol";
import { openCommands } from "@agentflow/core/run";
import { loadHistory } from "../orchestrator/load-run.ts";
import type { Histories } from "../orchestrator/history.ts";
import type { Plans } from "../orchestrator/plans.ts";
import type { Workers } from "../registry/workers.ts";
import { type Letter, parseLetter, type TaskName } from "./parse-letter.ts";
import { readUpToHead } from "./read-up-to.ts";
import { type Sight, sees } from "./sight.ts";

export interface DeadParts {
  readonly log: Pick<Log, "head" | "tail">;
  readonly queue: Pick<Queue, "peek">;
  readonly histories: Pick<Histories, "read">;
  readonly plans: Pick<Plans, "get">;
  readonly workers: Pick<Workers, "list">;
}

export interface DeadQuery {
  readonly letters?: readonly number[];
  readonly pool?: string;
  readonly run?: string;
  readonly reason?: string;
  /** Those with a smaller number. */
  readonly before?: number;
  readonly limit: number;
}

/** All letters of one task. */
export interface DeadTask {
  readonly newest: Letter;
  readonly sinceMs: number;
  readonly times: number;
}

export interface Standing {
  readonly state: DeadState;
  /** Of the open task, where the letter itself could not say it. */
  readonly command?: DispatchTask;
}

/** The newest are kept in view; who asks for more than there are of these is told so. */
const tasksMax = 10_000;
const queuedMax = 1_000;
const atOnce = 8;

export class DeadLetters {
  private readonly parts: DeadParts;

  constructor(parts: DeadParts) {
    this.parts = parts;
  }

  /** Newest first. `more`: others match too, or may. */
  async find(
    sight: Sight,
    query: DeadQuery,
  ): Promise<{ readonly tasks: readonly DeadTask[]; readonly more: boolean }> {
    const byTask = new Map<string, DeadTask>();
    let isCut = false;
    await readUpToHead(this.parts.log, { prefix: prefixes.dead, after: 0 }, (entries) => {
      for (const entry of entries) {
        const letter = parseLetter(entry);
        if (letter === undefined || !sees(sight, letter.tenant)) continue;
        const key = `${letter.tenant} ${letter.task}`;
        const known = byTask.get(key);
        const sinceMs = known?.sinceMs ?? letter.atMs;
        // The newest stand at the end.
        byTask.delete(key);
        byTask.set(key, { newest: letter, sinceMs, times: (known?.times ?? 0) + 1 });
        if (byTask.size <= tasksMax) continue;
        isCut = true;
        const [oldest] = byTask.keys();
        if (oldest !== undefined) byTask.delete(oldest);
      }
    });
    const matching = [...byTask.values()]
      .filter(({ newest }) => suits(newest, query))
      .toSorted((a, b) => b.newest.number - a.newest.number);
    return { tasks: matching.slice(0, query.limit), more: isCut || matching.length > query.limit };
  }

  /** How each stands, in order. */
  async standings(tasks: readonly DeadTask[]): Promise<readonly Standing[]> {
    const found: Standing[] = [];
    const queued = new Set(tasks.length === 0 ? [] : await this.queuedIds());
    for (let from = 0; from < tasks.length; from += atOnce) {
      const some = tasks.slice(from, from + atOnce);
      found.push(...(await Promise.all(some.map(({ newest }) => this.standing(newest, queued)))));
    }
    return found;
  }

  /** Of the tasks that lie in the queue, as many as it shows at once. */
  private async queuedIds(): Promise<readonly string[]> {
    const tasks = await this.parts.queue.peek({ subject: prefixes.tasks(), limit: queuedMax });
    return tasks.map(({ id }) => id);
  }

  /** From the run's own history: a letter may be older than what it speaks of. */
  private async standing({ tenant, of, task }: Letter, queued: ReadonlySet<string>): Promise<Standing> {
    if (of === undefined) return { state: "unknown" };
    const { histories, plans, workers } = this.parts;
    const { state, parked } = loadHistory(await histories.read(tenant, of.run));
    if (parked !== undefined) return { state: "unknown" };
    if (state.kind === "absent") return { state: "gone" };
    if (state.kind === "ended") return { state: "settled" };
    const plan = await plans.get(tenant, state.started.plan);
    if (plan === undefined) return { state: "unknown" };
    const command = openTask(openCommands(state, plan, { run: of.run }), of);
    if (command === undefined) return { state: "settled" };
    const { step, attempt } = command;
    const isWorking = workers
      .list(tenant)
      .some(({ alive, busy }) => alive && busy.some((one) => isSame(one, { run: of.run, step, attempt })));
    return { state: isWorking ? "working" : queued.has(task) ? "queued" : "open", command };
  }
}

export function viewOf({ newest, sinceMs, times }: DeadTask, { state, command }: Standing): DeadLetterView {
  const { number, atMs, of, task, tenant, pool, reason, deliveries, build, uses } = newest;
  const step = newest.step ?? command?.step;
  const attempt = newest.attempt ?? command?.attempt;
  return {
    letter: number,
    task,
    tenant,
    pool,
    reason,
    deliveries,
    times,
    state,
    since: instant(sinceMs),
    at: instant(atMs),
    ...(build === undefined ? {} : { build }),
    ...(of === undefined ? {} : { run: of.run }),
    ...(step === undefined ? {} : { step }),
    ...(attempt === undefined ? {} : { attempt }),
    ...(uses === undefined ? {} : { uses }),
  };
}

function suits(letter: Letter, { letters, pool, run, reason, before }: DeadQuery): boolean {
  if (before !== undefined && letter.number >= before) return false;
  if (letters !== undefined && !letters.includes(letter.number)) return false;
  if (pool !== undefined && letter.pool !== pool) return false;
  if (run !== undefined && letter.of?.run !== run) return false;
  return reason === undefined || letter.reason.includes(reason);
}

interface Named {
  readonly run: string;
  readonly step: string;
  readonly attempt: number;
}

function isSame(a: Named, b: Named): boolean {
  return a.run === b.run && a.step === b.step && a.attempt === b.attempt;
}

function openTask(
  commands: ReturnType<typeof openCommands>,
  { input, n }: TaskName,
): DispatchTask | undefined {
  for (const command of commands) {
    if (command.kind === "dispatch_task" && command.input === input && command.n === n) return command;
  }
  return undefined;
}
