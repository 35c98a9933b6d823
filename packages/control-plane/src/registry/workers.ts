import type { Revision, RowChange, Table } from "@agentflow/bus";
import { sleep, type Stop, type World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import {
  type Callable,
  type CallableView,
  type LastHolder,
  presenceMaxAgeMs,
  type TenantId,
  unixMs,
  type WorkerPresence,
  type WorkerView,
} from "@agentflow/protocol";
import type { Lane } from "../dispatcher/lane.ts";
import type { Slots } from "../dispatcher/release.ts";
import { parsePresence } from "./parse-presence.ts";

export interface WorkersParts {
  readonly table: Table;
  readonly world: World;
  readonly say: Log;
  /** Slots came or went. */
  readonly onChange: () => void;
}

const prefix = "worker.";
const checkEveryMs = 1_000;
const watchAgainMs = 500;
const sweepEveryMs = 60_000;
/** A worker that was last seen so long ago is not coming back under its row. */
const keptMs = 3_600_000;
/** Its clock may be wrong: a row that still changes is of a worker that lives, whatever it says. */
const unchangedMs = 60_000;

interface Known {
  readonly presence: WorkerPresence;
  readonly revision: Revision;
  /** When this engine saw it change, by a clock that nobody sets. */
  readonly changedMs: number;
}

/** Workers as their presence rows tell: who is alive, with how many slots, able to do what. */
export class Workers implements Slots {
  private readonly parts: WorkersParts;
  private readonly rows = new Map<string, Known>();
  private readonly stopped = new AbortController();
  private alive = new Set<string>();
  private lanes = new Map<string, number>();
  private pools = new Map<string, number>();
  private watching: Promise<void> = Promise.resolve();
  private sweeping: Promise<void> | undefined;
  private stopTimers: readonly Stop[] = [];

  constructor(parts: WorkersParts) {
    this.parts = parts;
  }

  /** Reads the rows there are, then follows their changes. */
  async start(): Promise<void> {
    const { table, world } = this.parts;
    for (const row of await table.list(prefix)) this.put(row);
    this.count();
    this.watching = this.watch();
    const sweep = (): void => {
      this.sweeping ??= this.sweep().finally(() => {
        this.sweeping = undefined;
      });
    };
    this.stopTimers = [
      world.timers.every(checkEveryMs, () => this.count(), { background: true }),
      world.timers.every(sweepEveryMs, sweep, { background: true }),
    ];
  }

  async stop(): Promise<void> {
    for (const stop of this.stopTimers) stop();
    this.stopped.abort();
    await this.watching;
    await this.sweeping;
  }

  ofLane({ tenant, pool, build }: Lane): number {
    return this.lanes.get(`${tenant} ${pool} ${build}`) ?? 0;
  }

  ofPool({ pool, build }: Lane): number {
    return this.pools.get(`${pool} ${build}`) ?? 0;
  }

  get size(): number {
    return this.alive.size;
  }

  list(tenant: TenantId): readonly WorkerView[] {
    return [...this.rows]
      .filter(([, { presence }]) => presence.tenant === tenant)
      .map(([key, { presence }]) => ({ ...presence, alive: this.alive.has(key) }))
      .toSorted((a, b) => (a.worker < b.worker ? -1 : 1));
  }

  /** Who said last that it works on an attempt, dead or alive. */
  lastHolder(
    tenant: TenantId,
    of: { readonly run: string; readonly step: string; readonly attempt: number },
  ): LastHolder | undefined {
    let last: LastHolder | undefined;
    for (const { presence } of this.rows.values()) {
      if (presence.tenant !== tenant) continue;
      const { worker, seenAt } = presence;
      const mine = presence.busy.find(
        (one) => one.run === of.run && one.step === of.step && one.attempt === of.attempt,
      );
      if (mine === undefined || (last !== undefined && last.seenAt >= seenAt)) continue;
      last = { worker, startedAt: mine.since, seenAt };
    }
    return last;
  }

  callables(tenant: TenantId, kind: "tools" | "agents"): readonly CallableView[] {
    const found = new Map<string, { callable: Callable; workers: string[] }>();
    for (const row of this.list(tenant)) {
      if (!row.alive) continue;
      for (const callable of row.manifest?.[kind] ?? []) {
        const known = found.get(callable.name) ?? { callable, workers: [] };
        known.workers.push(row.worker);
        found.set(callable.name, known);
      }
    }
    return [...found.values()]
      .map(({ callable, workers }) => ({ ...callable, workers }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      try {
        for await (const changes of this.parts.table.watch(prefix, signal)) {
          for (const change of changes) this.put(change);
          this.count();
        }
      } catch (error) {
        this.parts.say.warn("watching workers failed; trying again", { error });
        await sleep(this.parts.world.timers, watchAgainMs, signal);
      }
    }
  }

  private put({ key, value, revision }: RowChange): void {
    const presence = value === undefined ? undefined : parsePresence(value);
    const known = this.rows.get(key);
    if (presence === undefined) this.rows.delete(key);
    else if (known?.revision !== revision) {
      this.rows.set(key, { presence, revision, changedMs: this.parts.world.clock.monotonic() });
    }
  }

  /** Rows of workers that died long ago go; one that comes back meanwhile has another revision and stays. */
  private async sweep(): Promise<void> {
    const { table, world, say } = this.parts;
    const now = world.clock.now();
    const monotonic = world.clock.monotonic();
    for (const [key, { presence, revision, changedMs }] of this.rows) {
      if (this.stopped.signal.aborted) return;
      if (now - unixMs(presence.seenAt) < keptMs || monotonic - changedMs < unchangedMs) continue;
      try {
        const deleted = await table.delete(key, { expect: revision });
        // Also one that somebody else deleted while the watch was down.
        const gone = deleted.ok || deleted.row === undefined;
        if (gone && this.rows.get(key)?.revision === revision) this.rows.delete(key);
        if (deleted.ok)
          say.info("the row of a worker that is long gone was removed", { worker: presence.worker });
      } catch (error) {
        say.debug("the row of a dead worker was not removed", { error });
      }
    }
  }

  /** Recounted as a whole: workers are few, and a row that ages has no change to tell of it. */
  private count(): void {
    const now = this.parts.world.clock.now();
    const alive = new Set<string>();
    const lanes = new Map<string, number>();
    const byPool = new Map<string, Map<string, number>>();
    for (const [key, { presence: row }] of this.rows) {
      if (now - unixMs(row.seenAt) > presenceMaxAgeMs) continue;
      alive.add(key);
      if (row.state === "draining" || row.state === "loading") continue;
      const lane = `${row.tenant} ${row.pool} ${row.build}`;
      lanes.set(lane, (lanes.get(lane) ?? 0) + row.slots);
      const pool = `${row.pool} ${row.build}`;
      const workers = byPool.get(pool) ?? new Map<string, number>();
      byPool.set(pool, workers.set(row.worker, row.slots));
    }
    const pools = new Map<string, number>();
    for (const [pool, workers] of byPool)
      pools.set(
        pool,
        [...workers.values()].reduce((a, b) => a + b, 0),
      );
    const changed = !sameCounts(lanes, this.lanes) || !sameCounts(pools, this.pools);
    this.alive = alive;
    this.lanes = lanes;
    this.pools = pools;
    if (changed) this.parts.onChange();
  }
}

function sameCounts(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([key, count]) => b.get(key) === count);
}
