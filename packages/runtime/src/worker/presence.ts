/** A worker's row in Table: what it is, what it can run, what it is doing. */
import { type Bus, tableValueBytesMax } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import {
  type BuildId,
  type Callable,
  type LoadProblem,
  type Manifest,
  type PoolName,
  type TenantId,
  type WorkerId,
  type WorkerPresence,
  type WorkerUsage,
  instant,
  presenceEveryMs,
} from "@agentflow/protocol";
import type { OpenAttempt } from "./open-attempt.ts";

export interface Presence {
  start(): void;
  set(state: WorkerPresence["state"], of?: Change): void;
  /** Writes the row before its time when one of these attempts is in no row yet. */
  tell(attempts: readonly OpenAttempt[]): void;
  /** Takes the row away. */
  stop(): Promise<void>;
}

/** `serving`: the code that goes on serving while the new one does not load. */
type Change =
  | { readonly manifest: Manifest }
  | { readonly problem: LoadProblem; readonly serving: Manifest | undefined };

interface PresenceOptions {
  readonly bus: Bus;
  readonly world: World;
  readonly log: Log;
  readonly worker: WorkerId;
  readonly tenant: TenantId;
  readonly pool: PoolName;
  readonly build: BuildId;
  readonly slots: number;
  readonly host: string;
  readonly pid: number;
  busy(): readonly OpenAttempt[];
  readonly version?: string;
  tasksEnded(): number;
  /** Undefined where the system does not tell. */
  usage(): WorkerUsage | undefined;
}

const busyMax = 100;
const retryMs = 200;

export function createPresence(options: PresenceOptions): Presence {
  const { bus, world, log } = options;
  const key = `worker.${options.tenant}.${options.worker}`;
  const since = instant(world.clock.now());
  let state: WorkerPresence["state"] = "loading";
  let manifest: Manifest | undefined;
  let problem: LoadProblem | undefined;
  const told = new WeakSet<OpenAttempt>();
  let writing: Promise<void> = Promise.resolve();
  let toWrite = 0;
  let stopTimer: () => void = () => {};
  let stopRetry: () => void = () => {};
  let stopped = false;
  const row = (): WorkerPresence => ({
    ...identityOf(options),
    since,
    seenAt: instant(world.clock.now()),
    state,
    busy: busyOf(options.busy(), world),
    ...figuresOf(options),
    ...(manifest === undefined ? {} : { manifest }),
    ...(problem === undefined ? {} : { problem }),
  });
  let shortened: Manifest | undefined;
  const onLean = (lean: Manifest): void => {
    if (shortened !== lean) log.warn("the code defines too much for its row: schemas are left out of it");
    shortened = lean;
  };
  const write = (): void => {
    toWrite++;
    writing = writing.then(async () => {
      // All of them, also those that a row has no room for: they are no reason to write it again.
      for (const attempt of options.busy()) told.add(attempt);
      try {
        await bus.table.put(key, rowText(row(), onLean), { expect: "any" });
      } catch (error) {
        log.debug("presence was not written", { error: String(error) });
        soon();
      }
      toWrite--;
    });
  };
  /** A bus that was away for a moment must not cost a beat: after three of them a worker counts as gone. */
  const soon = (): void => {
    stopRetry();
    if (!stopped) stopRetry = world.timers.after(retryMs, write, { background: true });
  };
  return {
    start() {
      write();
      stopTimer = world.timers.every(presenceEveryMs, write, { background: true });
    },
    set(next, of) {
      state = next;
      problem = of !== undefined && "problem" in of ? of.problem : undefined;
      if (of !== undefined) manifest = "manifest" in of ? of.manifest : of.serving;
      write();
    },
    tell(attempts) {
      if (toWrite === 0 && attempts.some((attempt) => !told.has(attempt))) write();
    },
    async stop() {
      stopped = true;
      stopTimer();
      stopRetry();
      await writing;
      await bus.table.delete(key, { expect: "any" }).catch(() => undefined);
    },
  };
}

function identityOf(options: PresenceOptions) {
  const { worker, tenant, pool, build, slots, host, pid } = options;
  return { v: 1, kind: "worker", worker, tenant, pool, build, slots, host, pid } as const;
}

function figuresOf(options: PresenceOptions): Pick<WorkerPresence, "version" | "tasksEnded" | "usage"> {
  const { version } = options;
  const usage = options.usage();
  return {
    tasksEnded: options.tasksEnded(),
    ...(version === undefined ? {} : { version }),
    ...(usage === undefined ? {} : { usage }),
  };
}

function busyOf(attempts: readonly OpenAttempt[], world: World): WorkerPresence["busy"] {
  const nowMs = world.clock.now();
  const monotonic = world.clock.monotonic();
  return attempts.slice(0, busyMax).map(({ task, sinceMs }) => ({
    run: task.run,
    step: task.step,
    attempt: task.attempt,
    uses: "name" in task.uses ? `${task.uses.kind}:${task.uses.name}` : task.uses.kind,
    since: instant(Math.round(nowMs - (monotonic - sinceMs))),
  }));
}

/** The row as text. One that is too long for Table would leave a worker that nobody knows of. */
function rowText(row: WorkerPresence, onLean: (manifest: Manifest) => void): string {
  const json = JSON.stringify(row);
  const { manifest, ...rest } = row;
  if (manifest === undefined || fits(json)) return json;
  onLean(manifest);
  const lean = JSON.stringify({ ...rest, manifest: withoutSchemas(manifest) });
  return fits(lean) ? lean : JSON.stringify({ ...rest, state: "broken", problem: tooMuch(manifest) });
}

function fits(text: string): boolean {
  return text.length * 3 <= tableValueBytesMax || Buffer.byteLength(text) <= tableValueBytesMax;
}

/** What can be run, and no more: inputs are then checked where they arrive. */
function withoutSchemas({ tools, agents, ...rest }: Manifest): Manifest {
  const named = ({ input: _, output: _output, ...callable }: Callable): Callable => callable;
  return { ...rest, tools: tools.map(named), agents: agents.map(named), workflows: [] };
}

function tooMuch({ tools, agents }: Manifest): LoadProblem {
  const message = `${tools.length} tools and ${agents.length} agents are more than one worker can tell of`;
  return { message, hint: "split the project, or shorten the descriptions" };
}
