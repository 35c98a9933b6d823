/** The installation: one bus, engines and workers as processes, and who restarts them. */
import type { Bus, QueuedTask } from "@agentflow/bus";
import { type MemoryBus, openMemoryBus, type Nastiness } from "@agentflow/bus/memory";
import type { Engine } from "@agentflow/control-plane";
import { type SeededRandom, VirtualTime } from "@agentflow/host/virtual";
import type { Manifest } from "@agentflow/protocol";
import { SimProcess } from "../world/process.ts";
import { parseStoredTask } from "../checkers/parse-stored.ts";
import { processBus } from "../world/process-bus.ts";
import { Trace } from "../world/trace.ts";
import { buildOfWorker } from "./builds.ts";
import { EngineProcess } from "./engine-process.ts";
import { Ledger } from "./ledger.ts";
import { WorkerProcess } from "./worker-process.ts";

export interface HouseOptions {
  readonly dice: SeededRandom;
  readonly weather: Partial<Nastiness>;
  readonly workers: number;
  readonly slots: number;
  /** Lanes of the log; one when left out. */
  readonly logs?: number;
  /** Control planes that share the shards by leases; left out: one that owns all of them. */
  readonly controlPlanes?: number;
  /** Workers are of two builds; left out, all are of one. */
  readonly deploys?: boolean;
  /** How far clocks may be off, in either direction. */
  readonly skewMs: number;
  /** What stands between an engine and its bus: nothing, or the mutation under test. */
  readonly engineBus: (bus: Bus) => Bus;
  /** What stands between a worker and its bus. */
  readonly workerBus: (bus: Bus) => Bus;
  /** What stands between clients and an engine. */
  readonly engineDoor: (engine: Engine) => Engine;
  /** The code that workers load. */
  readonly manifest: Manifest;
}

const engineRetryMs = 500;

export class House {
  readonly time = new VirtualTime();
  readonly trace = new Trace(this.time);
  readonly ledger = new Ledger();
  readonly bus: MemoryBus;
  readonly workers = new Map<string, WorkerProcess>();
  /** All that live, the newest last: those before it were taken for dead. */
  engines: EngineProcess[] = [];
  /** Two served at once for a while: what the one knew the other learns of when it asks for silent runs. */
  hadRivals = false;
  private readonly options: HouseOptions;
  private lives = 0;

  constructor(options: HouseOptions) {
    this.options = options;
    const random = options.dice.fork("weather");
    const world = { clock: this.time, timers: this.time, random };
    this.bus = openMemoryBus({ world, nasty: options.weather, logs: options.logs ?? 1 });
  }

  open(): void {
    this.keepEngines();
    for (const name of this.workerNames) this.startWorker(name);
  }

  get workerNames(): readonly string[] {
    return Array.from({ length: this.options.workers }, (_, n) => `worker-${n}`);
  }

  /** The engine that was started last, of those that serve. */
  get engine(): Engine | undefined {
    return this.engines.findLast(({ process, engine }) => process.alive && engine !== undefined)?.engine;
  }

  get deploys(): boolean {
    return this.options.deploys === true;
  }

  /** True when shards are shared by leases. */
  get isShared(): boolean {
    return this.options.controlPlanes !== undefined;
  }

  /** Starts what is missing: a rival that lives on counts for the one that should. */
  keepEngines(): void {
    if (!this.isShared) return void (this.engines.length === 0 && this.startEngine());
    for (let n = 0; n < (this.options.controlPlanes ?? 1); n++) {
      if (!this.engines.some(({ place }) => place === n)) this.startEngine(n);
    }
  }

  /** In the place of one of several; its name is the old one's or, as in a cluster, new with each life. */
  startEngine(place = 0): void {
    const { process, bus } = this.join("engine");
    const failed = (error: unknown): void => {
      this.trace.say(
        process.name,
        `did not start: ${error instanceof Error ? error.message : String(error)}`,
      );
      this.killEngine(one);
      this.time.after(engineRetryMs, () => this.keepEngines());
    };
    const own = this.options.engineBus(bus);
    const one: EngineProcess = new EngineProcess({
      process,
      place,
      node: this.isShared && place > 0 ? `engine-${place}` : process.name,
      ownership: this.isShared ? "leases" : "all",
      bus: this.noting(processBus(own, process)),
      door: this.options.engineDoor,
      trace: this.trace,
      onFailed: failed,
    });
    this.engines.push(one);
  }

  killEngine(one: EngineProcess): void {
    one.process.kill();
    this.bus.faults.crash(one.process.name);
    this.engines = this.engines.filter((other) => other !== one);
  }

  startWorker(worker: string): void {
    const { process, bus } = this.join(worker);
    const { slots, dice, manifest } = this.options;
    const random = dice.fork(`${process.name}/runner`);
    const { time, trace, ledger } = this;
    const own = processBus(this.options.workerBus(bus), process);
    const build = buildOfWorker(worker, this.deploys);
    const options = { worker, process, bus: own, slots, time, random, trace, ledger, manifest, build };
    this.workers.set(worker, new WorkerProcess(options));
  }

  killWorker(worker: string): void {
    const one = this.workers.get(worker);
    if (one === undefined) return;
    one.kill();
    this.bus.faults.crash(one.process.name);
    this.workers.delete(worker);
  }

  /** As a line does that was dead: what was sent long ago arrives now, as it was. */
  pushLate(pushed: QueuedTask): void {
    this.ledger.latePushes.push({ task: parseStoredTask(pushed.body), atMs: this.time.now() });
    void this.bus.queue.push([pushed]).catch(() => undefined);
  }

  /** Writes down what is sent. */
  private noting(bus: Bus): Bus {
    const push: Bus["queue"]["push"] = (tasks) => {
      this.ledger.pushed.push(...tasks);
      return bus.queue.push(tasks);
    };
    return { ...bus, queue: { ...bus.queue, push } };
  }

  /** A process of its own with a connection of its own; both bear the name that faults aim at. */
  private join(role: string): { readonly process: SimProcess; readonly bus: Bus } {
    const name = `${role}.${++this.lives}`;
    const { dice, skewMs } = this.options;
    const random = dice.fork(name);
    const skew = skewMs === 0 ? 0 : random.int(2 * skewMs) - skewMs;
    const process = new SimProcess({ name, time: this.time, random, skewMs: skew });
    return { process, bus: this.bus.client(name) };
  }
}
