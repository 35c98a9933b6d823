import { AgentFlowError, type InstallationStatus, instant, prefixes } from "@agentflow/protocol";
import type { Dispatcher } from "./dispatcher/dispatcher.ts";
import type { EngineOptions } from "./engine-api.ts";
import type { Orchestrator } from "./orchestrator/orchestrator.ts";
import type { Ownership } from "./orchestrator/ownership.ts";
import type { Projector } from "./projector/projector.ts";
import type { ReadStore } from "./projector/read-store.ts";
import type { Scheduler } from "./scheduler/scheduler.ts";
import type { Workers } from "./registry/workers.ts";

interface StatusParts {
  readonly options: EngineOptions;
  readonly startedAtMs: number;
  readonly ownership: Ownership;
  readonly store: ReadStore;
  readonly projector: Projector;
  readonly orchestrator: Orchestrator;
  readonly dispatcher: Dispatcher;
  readonly scheduler: Scheduler;
  readonly workers: Workers;
}

/** One look at everything that the engine knows of itself. */
export async function engineStatus(parts: StatusParts): Promise<InstallationStatus> {
  const { bus, version } = parts.options;
  const { ownership, store, projector, orchestrator, scheduler, workers } = parts;
  return {
    version,
    installation: await installationOf(parts.options),
    bus: { kind: bus.kind, durability: bus.durability },
    startedAt: instant(parts.startedAtMs),
    ...ownership.view(),
    runs: await countsOf(store),
    hot: orchestrator.hot.size,
    backlog: backlogOf(parts.dispatcher),
    timers: scheduler.size,
    workers: workers.size,
    deadLetters: await deadLetters(parts.options),
    revision: projector.revision,
    projectionLagMs: projector.lagMs,
  };
}

async function countsOf(store: ReadStore): Promise<{ readonly [status: string]: number }> {
  const sums = new Map<string, number>();
  for (const { status, count } of await store.call("counts", undefined)) {
    sums.set(status, (sums.get(status) ?? 0) + count);
  }
  return Object.fromEntries(sums);
}

function backlogOf(dispatcher: Dispatcher): InstallationStatus["backlog"] {
  const pools = new Map<string, { pool: string; waiting: number; outstanding: number; slots: number }>();
  for (const { lane, slots } of dispatcher.depths()) {
    const sum = pools.get(lane.pool) ?? { pool: lane.pool, waiting: 0, outstanding: 0, slots: 0 };
    sum.waiting += lane.waiting;
    sum.outstanding += lane.outstanding;
    sum.slots += slots;
    pools.set(lane.pool, sum);
  }
  return [...pools.values()];
}

/** Made once, by whoever comes first; the row is the truth. */
async function installationOf({ bus, world }: EngineOptions): Promise<string> {
  const key = "installation";
  for (let round = 0; round < 3; round++) {
    const row = await bus.table.get(key);
    if (row !== undefined) return installationId(row.value);
    const id = Buffer.from(world.random.bytes(8)).toString("hex");
    const createdAt = instant(world.clock.now());
    const put = await bus.table.put(key, JSON.stringify({ v: 1, id, createdAt }), { expect: 0 });
    if (put.ok) return id;
  }
  throw new AgentFlowError("unavailable", "the installation's row kept changing");
}

function installationId(text: string): string {
  const row: unknown = JSON.parse(text);
  if (typeof row !== "object" || row === null || !("id" in row)) return "unknown";
  return typeof row.id === "string" ? row.id : "unknown";
}

const countMax = 10_000;

/** Counted by reading them, up to a bound: they are few, or something is badly wrong. */
async function deadLetters({ bus }: EngineOptions): Promise<number> {
  const head = await bus.log.head(prefixes.dead);
  if (head === 0) return 0;
  const stop = new AbortController();
  let count = 0;
  for await (const batch of bus.log.tail({ filter: [prefixes.dead], after: 0, signal: stop.signal })) {
    count += batch.length;
    if (count >= countMax || (batch.at(-1)?.revision ?? head) >= head) stop.abort();
  }
  return count;
}
