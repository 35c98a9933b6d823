/** A supervisor as a process, with its runner beside it. */
import { compileExpression, compileTemplate, isTemplate } from "@agentflow/core/expr";
import type { Bus, Delivery, Log, Queue, Wire } from "@agentflow/bus";
import type { SeededRandom, VirtualTime } from "@agentflow/host/virtual";
import {
  type BuildId,
  defaultPool,
  defaultTenant,
  type InputAnswer,
  type InputRequest,
  type Manifest,
  parseId,
  parseLogSubject,
} from "@agentflow/protocol";
import { fillInBy, Worker } from "@agentflow/runtime";
import { SimProcess } from "../world/process.ts";
import { methods } from "../mutations/ports.ts";
import { traceLog, type Trace } from "../world/trace.ts";
import type { Ledger } from "./ledger.ts";
import { suspendedInstead } from "../workload/suspend.ts";
import { parseAnswer, parseRequest } from "./parse-wire.ts";
import { ScriptedRunner } from "./scripted-runner.ts";
import { Traps } from "./trap.ts";

export const leaseMs = 3_000;

export interface WorkerProcessOptions {
  /** The worker's name, the same in each life. */
  readonly worker: string;
  readonly process: SimProcess;
  readonly bus: Bus;
  readonly slots: number;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly ledger: Ledger;
  readonly manifest: Manifest;
  readonly build: BuildId;
}

export class WorkerProcess {
  readonly process: SimProcess;
  readonly worker: Worker;
  readonly traps = new Traps();
  private readonly options: WorkerProcessOptions;
  private runner: ScriptedRunner | undefined;
  private pids = 0;

  constructor(options: WorkerProcessOptions) {
    this.options = options;
    const { process, bus, ledger, time } = options;
    this.process = process;
    this.worker = new Worker({
      bus: {
        ...bus,
        log: this.trapped(bus.log),
        queue: counting(bus.queue, ledger),
        wire: listening(bus.wire, { worker: options.worker, ledger, time }),
      },
      world: process.world,
      log: traceLog(options.trace, process.name),
      worker: parseId("worker", options.worker),
      tenant: defaultTenant,
      pool: defaultPool,
      build: options.build,
      slots: options.slots,
      leaseMs,
      attemptTimeoutMs: 20_000,
      agentTimeoutMs: 60_000,
      host: "sim",
      pid: 1,
      compileSelect: compileExpression,
      fillIn: fillInBy(() => ({ compileTemplate, isTemplate })),
      startRunner: () => this.startRunner(),
    });
    void this.worker.start();
  }

  /** The runner's process dies; the supervisor notices and starts another. */
  killRunner(): void {
    this.runner?.kill("killed by the simulation");
  }

  kill(): void {
    this.process.kill();
    // The reaper: nothing outlives its supervisor.
    this.runner?.kill("supervisor died");
  }

  /** A journal's append may be the last thing that this process does, with or without having arrived. */
  private trapped(log: Log): Log {
    return {
      ...methods(log),
      append: async (subject, body, options) => {
        if (parseLogSubject(subject)?.kind !== "turn") return log.append(subject, body, options);
        this.traps.reached("before_append");
        await this.process.gate();
        const appended = await log.append(subject, body, options);
        this.traps.reached("after_append");
        await this.process.gate();
        return appended;
      },
    };
  }

  private startRunner(): ScriptedRunner {
    const { process, time, random, ledger, worker } = this.options;
    const pid = ++this.pids;
    const own = new SimProcess({ name: `${process.name}/${pid}`, time, random });
    const loadMs = 1 + random.int(50);
    const nowMs = (): number => time.now();
    this.runner = new ScriptedRunner({
      pid,
      worker,
      process: own,
      supervisor: process,
      ledger,
      nowMs,
      loadMs,
      manifest: this.options.manifest,
      reached: (moment) => this.traps.reached(moment),
    });
    return this.runner;
  }
}

/** Writes down which tasks were handed out. */
function counting(queue: Queue, ledger: Ledger): Queue {
  async function* take(options: Parameters<Queue["take"]>[0]): AsyncGenerator<Delivery> {
    for await (const delivery of queue.take(options)) {
      ledger.handedOut.push(delivery.id);
      yield delivery;
    }
  }
  return { ...queue, take };
}

/** The agent of the simulation has no journal: it says here that it waits for people. */
function asAgent(request: InputRequest): InputRequest {
  const { input } = request;
  if (input.kind !== "result") return request;
  return { ...request, input: { ...input, outcome: suspendedInstead(input.outcome, input) } };
}

/** Writes down every report that was answered, as the worker heard it. */
function listening(wire: Wire, to: { worker: string; ledger: Ledger; time: VirtualTime }): Wire {
  const { worker, ledger, time } = to;
  return {
    serve: (subject, handler) => wire.serve(subject, handler),
    publish: (subject, body) => wire.publish(subject, body),
    subscribe: (subject, handler, onDropped) => wire.subscribe(subject, handler, onDropped),
    request: async (subject, body, options) => {
      const request = asAgent(parseRequest(body));
      const text = await wire.request(subject, JSON.stringify(request), options);
      const answer: InputAnswer = parseAnswer(text);
      ledger.reported.push({ run: request.run, worker, atMs: time.now(), input: request.input, answer });
      return text;
    },
  };
}
