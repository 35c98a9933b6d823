/**
 * A worker: takes tasks while code is loaded, keeps their leases, enforces their limits, says what it is
 * doing.
 */
import type { Delivery } from "@agentflow/bus";
import { type Random, sleep } from "@agentflow/host/clock";
import { type Log, type Secrets, createSecrets } from "@agentflow/host/log";
import {
  AgentFlowError,
  type LoadProblem,
  type LogRecord,
  type Manifest,
  type SpanRecord,
  type Task,
  type WorkerId,
  parseId,
  subjects,
} from "@agentflow/protocol";
import type { AgentHouse } from "../agent/house.ts";
import { agentLimits } from "../agent/limits.ts";
import type { ModelAgent } from "../agent/rules.ts";
import { fillInLater } from "../agent/start-messages.ts";
import type { ModelCall } from "../channel/model-messages.ts";
import type { Call } from "../channel/runner-messages.ts";
import type { ReloadReport, RunnerNote } from "../channel/supervisor-messages.ts";
import { runAttempt } from "./attempt.ts";
import { priceOf as listPriceOf } from "../model/prices.ts";
import { createKeys } from "./keys.ts";
import { type Masks, createMasks } from "./masks.ts";
import { type AttemptHouse, type OpenAttempt, holdBy, openAttempt } from "./open-attempt.ts";
import { type Presence, createPresence } from "./presence.ts";
import { createReporter } from "./report.ts";
import { RunnerPool, type RunningCall } from "./runner-pool.ts";
import type { OnParts } from "./runner-port.ts";
import { type SandboxedCall, noSandboxes } from "../sandbox/sandboxes.ts";
import { noSecrets } from "./secrets.ts";
import { resolvedModel, withoutSecrets } from "./said.ts";
import { compileSelectLater } from "./select.ts";
import { parseTask } from "./parse-task.ts";
import { type Telemetry, createTelemetry } from "./telemetry.ts";
import { workerLimits } from "./limits.ts";
import type { WorkerOptions } from "./worker-options.ts";

export class Worker {
  readonly #options: WorkerOptions;
  readonly #pool: RunnerPool;
  readonly #presence: Presence;
  readonly #telemetry: Telemetry;
  readonly #hidden: Secrets;
  readonly #house: AttemptHouse;
  readonly #masks: Masks;
  /** Of the code that served last, also while no runner of it lives. */
  #manifest: Manifest | undefined;
  readonly #open = new Map<string, OpenAttempt>();
  readonly #stopTaking = new AbortController();
  readonly #stopped = new AbortController();
  /** Process ids of runners that were told to finish and leave. */
  readonly #retired = new Set<number>();
  readonly #waitingForCode = new Set<() => void>();
  #taking: Promise<void> | undefined;
  #lastExtendMs = 0;
  #ended = 0;
  #stopSweep: (() => void) | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { bus, world } = options;
    this.#hidden = options.hidden ?? createSecrets();
    this.#telemetry = createTelemetry({ ...options, hidden: this.#hidden });
    this.#masks = createMasks(this.#hidden);
    this.#presence = createPresence({
      ...options,
      busy: () => [...this.#open.values()],
      tasksEnded: () => this.#ended,
      usage: () => options.usageOf?.(this.#pool.pids),
    });
    this.#pool = new RunnerPool({
      start: options.startRunner,
      clock: world.clock,
      sleep: (ms) => sleep(world.timers, ms, this.#stopped.signal),
      events: {
        ready: (manifest, ms) => this.#onReady(manifest, ms),
        broken: (problem) => this.#onBroken(withoutSecrets(problem, this.#hidden)),
        tele: (records) => this.tell(records),
        inspecting: (url) => options.events?.inspecting?.(url),
        runner: (note) => this.#onRunner(note),
      },
    });
    this.#house = {
      worker: options.worker,
      incarnation: incarnationOf(options.worker, world.random),
      clock: world.clock,
      blobs: bus.blobs,
      compileSelect: options.compileSelect ?? compileSelectLater,
      attemptTimeoutMs: options.attemptTimeoutMs ?? workerLimits.attemptTimeoutMs,
      reporter: createReporter({ wire: bus.wire, timers: world.timers, random: world.random }),
      agentTimeoutMs: (agent) => this.#agentTimeoutMs(agent),
      agents: this.#agentHouse(),
    };
  }

  /** Loads the code and begins to take tasks once it is there. */
  async start(): Promise<ReloadReport> {
    const { log, pool, slots, build } = this.#options;
    log.info("worker started", { pool, slots, build });
    this.#presence.start();
    return this.reload();
  }

  async reload(): Promise<ReloadReport> {
    const report = await this.#pool.reload();
    const { problem } = report;
    return problem === undefined ? report : { ...report, problem: withoutSecrets(problem, this.#hidden) };
  }

  inspect(port: number): void {
    this.#pool.inspect(port);
  }

  tell(records: readonly (LogRecord | SpanRecord)[]): void {
    this.#telemetry.tell(records);
  }

  /** Code is loaded and tasks are taken. */
  get isServing(): boolean {
    return this.#pool.manifest !== undefined && !this.#stopTaking.signal.aborted;
  }

  get inFlight(): number {
    return this.#open.size;
  }

  /** Takes no more tasks and waits for those it has; what is still open after `withinMs` is given up. */
  async drain(withinMs: number): Promise<number> {
    const { world, log } = this.#options;
    log.info("worker drains", { inFlight: this.#open.size, withinMs });
    this.#presence.set("draining");
    this.#stopTaking.abort();
    const endMs = world.clock.monotonic() + withinMs;
    while (this.#open.size > 0 && world.clock.monotonic() < endMs) await sleep(world.timers, 20);
    return this.#open.size;
  }

  /** Ends at once: runners are killed, leases are left to expire or to the closed socket. */
  async stop(): Promise<void> {
    this.#stopTaking.abort();
    this.#stopped.abort();
    this.#stopSweep?.();
    await Promise.all([this.#pool.close(), this.#options.sandboxes?.close()]);
    await this.#presence.stop();
    await this.#telemetry.stop();
    await this.#taking;
  }

  #onReady(manifest: Manifest, ms: number): void {
    const { code, tools, agents } = manifest;
    this.#manifest = manifest;
    this.#options.log.info("code loaded", { code, ms, tools: tools.length, agents: agents.length });
    this.#presence.set("ready", { manifest });
    for (const wake of this.#waitingForCode) wake();
    this.#waitingForCode.clear();
    this.#taking ??= this.#take();
    this.#options.events?.ready?.(manifest, ms);
  }

  #onBroken(problem: LoadProblem): void {
    const { file, line, column, message } = problem;
    const serving = this.#pool.manifest?.code ?? "nothing";
    this.#options.log.warn(`code does not load: ${message}`, { file, line, column, serving });
    this.#presence.set("broken", { problem, serving: this.#pool.manifest });
    this.#options.events?.broken?.(problem);
  }

  /** A runner that ends without having been told to is worth a warning; the others leave as they should. */
  #onRunner(note: RunnerNote): void {
    const { pid, state, reason = "" } = note;
    if (state === "retired") this.#retired.add(pid);
    if (
      state === "exited" &&
      !this.#retired.delete(pid) &&
      !this.#stopped.signal.aborted &&
      reason !== "broken"
    )
      this.#options.log.warn("a runner ended; another takes its place", { pid, reason });
    this.#options.events?.runner?.(note);
  }

  /** After a lost connection it takes again, and asks for the tasks that it still works on. */
  async #take(): Promise<void> {
    const { bus, tenant, pool, build, worker, slots, leaseMs, log, world } = this.#options;
    const { signal } = this.#stopTaking;
    const subject = subjects.task({ tenant, pool, build });
    let pauseMs: number = workerLimits.retakeMinMs;
    while (!signal.aborted) {
      const resume = [...this.#open.keys()];
      const options = { subjects: [subject], holder: worker, slots, leaseMs, signal, resume };
      try {
        for await (const delivery of bus.queue.take(options)) {
          pauseMs = workerLimits.retakeMinMs;
          void this.#run(delivery);
        }
      } catch (error) {
        const known = AgentFlowError.from(error, "taking tasks");
        // Refused, it will not pass by itself: whoever reads this has to do something.
        const says = known.code === "forbidden" ? "no tasks may be taken here" : "the queue was lost";
        log.warn(`${says}; taking tasks again`, {
          error: String(error),
          next: known.suggestions,
          retryMs: pauseMs,
        });
      }
      await sleep(world.timers, pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, workerLimits.retakeMaxMs);
    }
  }

  async #run(delivery: Delivery): Promise<void> {
    const { log, world } = this.#options;
    const logOf = ({ run, step, attempt }: Task): Log => log.child({ run, step, attempt });
    const task = parseTask(delivery.body);
    if (task === "newer_version" && delivery.delivery <= workerLimits.newerDeliveriesMax) {
      log.warn("a task of a newer version is left to a newer worker", { id: delivery.id });
      await delivery.release(workerLimits.newerReleaseMs).catch(() => undefined);
      return;
    }
    if (typeof task === "string") {
      log.warn("a task that cannot be read goes to the dead letters", { id: delivery.id, reason: task });
      await delivery.bury(task).catch(() => undefined);
      return;
    }
    const known = this.#open.get(task.id);
    if (known !== undefined) {
      // Handed out again while this very worker runs it: the attempt stands, held by the newer delivery. One
      // that is being given up is left to its lease: whoever gets it then passes it on.
      if (!known.lost.signal.aborted) holdBy(known, delivery);
      return;
    }
    const attempt = openAttempt(task, delivery, world.clock.monotonic());
    this.#open.set(task.id, attempt);
    this.#stopSweep ??= world.timers.every(workerLimits.sweepMs, () => this.#sweep(), { background: true });
    try {
      const end = await runAttempt(attempt, this.#house);
      if (end === "fenced") logOf(task).info("an attempt stopped: a later one has its journal");
      if (end === "lost")
        logOf(task).info("an attempt was given up: its lease was lost or its task taken back");
    } catch (error) {
      logOf(task).error("an attempt could not be reported", { error: String(error) });
    } finally {
      this.#open.delete(task.id);
      this.#ended++;
    }
  }

  #agentHouse(): AgentHouse {
    const { bus, world, log, worker, fillIn, priceOf, secrets, content } = this.#options;
    const keys = createKeys(secrets ?? noSecrets, this.#masks);
    return {
      bus,
      world,
      log,
      worker,
      keys,
      masks: this.#masks,
      fillIn: fillIn ?? fillInLater,
      priceOf: (model) => (priceOf ?? listPriceOf)(resolvedModel(model, keys)),
      ...(content === undefined ? {} : { content }),
      manifest: () => this.#manifest,
      startCall: (call, signal, onParts) => this.#startCall(call, { signal, onParts }),
      tell: (records) => this.tell(records),
    };
  }

  /** An agent's own time counts from its loop's beginning, and ends it from within. */
  #agentTimeoutMs({ agent }: ModelAgent): number {
    const { agentTimeoutMs = agentLimits.attemptTimeoutMs } = this.#options;
    return Math.max(agentTimeoutMs, (agent.limits.timeMs ?? 0) + agentLimits.attemptGraceMs);
  }

  async #startCall(
    call: Call | ModelCall,
    { signal, onParts }: { readonly signal: AbortSignal; readonly onParts: OnParts | undefined },
  ): Promise<RunningCall | undefined> {
    for (;;) {
      if (signal.aborted) return undefined;
      const tool = this.#untrusted(call);
      if (tool !== undefined) return this.#startSandboxed(tool, { signal, onParts });
      const running = this.#pool.call(call, onParts);
      if (running !== undefined) return running;
      await new Promise<void>((resolve) => {
        this.#waitingForCode.add(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
        this.#stopped.signal.addEventListener("abort", () => resolve(), { once: true });
      });
      if (this.#stopped.signal.aborted) return undefined;
    }
  }

  /** By the code that was loaded last: a call of such a tool never reaches a runner that serves others. */
  #untrusted(call: Call | ModelCall): Untrusted | undefined {
    const manifest = this.#manifest;
    if (call.kind !== "tool" || manifest === undefined) return undefined;
    const tool = manifest.tools.find(({ name }) => name === call.name);
    return tool?.sandbox === undefined ? undefined : { call, tool, code: manifest.code };
  }

  #startSandboxed(
    of: Untrusted,
    { signal, onParts }: { readonly signal: AbortSignal; readonly onParts: OnParts | undefined },
  ): Promise<RunningCall | undefined> {
    const { sandboxes = noSandboxes } = this.#options;
    return sandboxes.start({ ...of, signal, onParts, tell: (records) => this.tell(records) });
  }

  /** One timer for all attempts: leases are kept at a third of their length, deadlines are enforced. */
  #sweep(): void {
    if (this.#open.size === 0) {
      this.#stopSweep?.();
      this.#stopSweep = undefined;
      return;
    }
    const now = this.#options.world.clock.monotonic();
    const extend = now - this.#lastExtendMs >= this.#options.leaseMs / 3;
    if (extend) this.#lastExtendMs = now;
    for (const attempt of this.#open.values()) {
      if (extend) attempt.delivery.extend().catch(() => undefined);
      this.#enforce(attempt, now);
    }
    // Who holds a step is known while it runs, and a short one costs no message.
    const { sweepMs } = workerLimits;
    this.#presence.tell([...this.#open.values()].filter(({ sinceMs }) => now - sinceMs >= sweepMs));
  }

  #enforce(attempt: OpenAttempt, now: number): void {
    const { running, deadlineMs, lost } = attempt;
    if (running === undefined) return;
    if (lost.signal.aborted && attempt.deadlineMs !== undefined) {
      // Taken back: the call was asked to stop; it has the same grace as one that timed out.
      attempt.deadlineMs = Math.min(attempt.deadlineMs, now);
    }
    if (deadlineMs === undefined || now < deadlineMs) return;
    if (now >= deadlineMs + workerLimits.stopGraceMs) {
      running.kill(attempt.timedOut === true ? "timeout of another call" : "a cancelled call would not stop");
      return;
    }
    if (attempt.timedOut === true || lost.signal.aborted) return;
    attempt.timedOut = true;
    running.stop("timeout");
  }
}

type Untrusted = Pick<SandboxedCall, "call" | "tool" | "code">;

/** The worker's name with dice behind it. */
function incarnationOf(worker: WorkerId, random: Random): WorkerId {
  return parseId("worker", `${worker.slice(0, 50)}-${Buffer.from(random.bytes(6)).toString("hex")}`);
}
