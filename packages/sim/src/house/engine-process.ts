/** A control plane as a process: it starts, it serves clients, it dies; whoever keeps it starts another. */
import type { Bus } from "@agentflow/bus";
import { type Engine, startEngine } from "@agentflow/control-plane";
import { createMetrics } from "@agentflow/host/metrics";
import { devBuild } from "@agentflow/protocol";
import type { SimProcess } from "../world/process.ts";
import { traceLog, type Trace } from "../world/trace.ts";

/** Short, so that runs can leave the log before a life is over. */
export const archiveIdAgeMs = 45_000;

export interface EngineProcessOptions {
  readonly process: SimProcess;
  /** Which of several it is. */
  readonly place: number;
  /** Its name among its peers. */
  readonly node: string;
  readonly ownership: "all" | "leases";
  /** What the engine talks to; the process stands in between already. */
  readonly bus: Bus;
  /** Through which clients come. */
  readonly door: (engine: Engine) => Engine;
  readonly trace: Trace;
  /** The start failed: a process that cannot start ends. */
  readonly onFailed: (error: unknown) => void;
}

export class EngineProcess {
  readonly process: SimProcess;
  readonly place: number;
  engine: Engine | undefined;

  constructor({ process, place, node, ownership, bus, door, trace, onFailed }: EngineProcessOptions) {
    this.process = process;
    this.place = place;
    startEngine({
      bus,
      world: process.world,
      log: traceLog(trace, process.name),
      metrics: createMetrics(),
      node,
      ownership,
      version: "sim",
      readModelDir: ":memory:",
      tenantDefaults: { build: devBuild },
      // So late that it hides nothing: only a lost tail and rivals are waited for until then.
      config: { nudgeEveryMs: 300_000, archiveIdAgeMs },
    }).then(
      (engine) => {
        this.engine = door(engine);
        trace.say(process.name, "serves");
      },
      (error: unknown) => onFailed(error),
    );
  }
}
