/**
 * What makes a control plane ready: the bus answers, the read model keeps up with the log, and its shards are
 * owned and served; as one of several it may hold none, as long as its lease is good.
 */
import type { Bus } from "@agentflow/bus";
import { type World, sleep } from "@agentflow/host/clock";
import { type Check, type Health, createHealth } from "@agentflow/host/health";
import { AgentFlowError } from "@agentflow/protocol";
import type { Engine } from "./engine-api.ts";

export interface ReadinessTimes {
  readonly everyMs: number;
  /** An answer that takes longer is none. */
  readonly answerMs: number;
  /** A success older than this no longer counts. */
  readonly maxAgeMs: number;
}

export const readinessTimes: ReadinessTimes = { everyMs: 1_000, answerMs: 2_000, maxAgeMs: 5_000 };

export interface Readiness {
  readonly health: Health;
  /** From now on nothing new is taken: whoever spreads requests goes elsewhere. */
  stopping(): void;
  stop(): void;
}

/** Asks each part every `everyMs`, one question at a time, and keeps when it answered last. */
export function watchReadiness(parts: {
  bus: Bus;
  engine: Pick<Engine, "caughtUp" | "ownsShards">;
  world: World;
  times?: Partial<ReadinessTimes>;
}): Readiness {
  const { bus, engine, world } = parts;
  const times = { ...readinessTimes, ...parts.times };
  const health = createHealth(world);
  const add = (name: string, maxAgeMs: number): Check => health.add(name, { kind: "readiness", maxAgeMs });
  const accepts = add("accepts", Number.MAX_SAFE_INTEGER);
  accepts.ok();
  const stops = [
    probe({ check: add("bus", times.maxAgeMs), ask: () => bus.log.heads(), world, times }),
    probe({ check: add("read_model", times.maxAgeMs), ask: () => engine.caughtUp(), world, times }),
    probe({ check: add("shards", times.maxAgeMs), ask: () => engine.ownsShards(), world, times }),
  ];
  return {
    health,
    stopping: () => accepts.failed("stopping"),
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

interface Probe {
  readonly check: Check;
  readonly ask: () => Promise<unknown>;
  readonly world: World;
  readonly times: ReadinessTimes;
}

/** A question that hangs is not asked a second time: what cannot answer is not buried in questions. */
function probe({ check, ask, world, times }: Probe): () => void {
  let open = false;
  const once = async (): Promise<void> => {
    if (open) return;
    open = true;
    const settled = new AbortController();
    const answer = ask().then(
      () => check.ok(),
      (error: unknown) => check.failed(AgentFlowError.is(error) ? error.reason : "failed"),
    );
    const late = sleep(world.timers, times.answerMs, settled.signal).then(() => {
      if (!settled.signal.aborted) check.failed("no_answer");
    });
    await answer;
    settled.abort();
    await late;
    open = false;
  };
  void once();
  return world.timers.every(times.everyMs, () => void once(), { background: true });
}
