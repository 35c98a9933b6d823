import type { Revision, RowChange, Table } from "@agentflow/bus";
import { sleep, type Stop, type World } from "@agentflow/host/clock";
import type { Fields, Log } from "@agentflow/host/log";
import {
  type BrokenCode,
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
import { DeadRows } from "./dead-rows.ts";
import { parsePresence } from "./parse-presence.ts";

export interface WorkersParts {
  readonly table: Table;
  readonly world: World;
  readonly say: Log;
  /** Slots came or went. */
  readonly onChange: () => void;
  /** Rows of the dead are removed at one place of the installation; see `DeadRows`. */
  readonly isFirst: () => boolean;
}

/** When a row last changed, by the clock of this machine that nobody sets. */
interface Sign {
  readonly revision: Revision;
  readonly changedMs: number;
  /** It changed before our eyes, so its worker lives, whatever its own clock says. */
  readonly isProven: boolean;
}

const prefix = "worker.";
const checkEveryMs = 1_000;
const watchAgainMs = 500;

/** Workers as their presence rows tell: who is alive, with how many slots, able to do what. */
export class Workers implements Slots {
  private readonly parts: WorkersParts;
  private readonly rows = new Map<string, WorkerPresence>();
  private readonly signs = new Map<string, Sign>();
  private readonly dead: DeadRows;
  private readonly stopped = new AbortController();
  private alive = new Set<string>();
  /** Who was told of, by when it started: the same name may be another process. */
  private told: ReadonlyMap<string, string> | undefined;
  private lanes = new Map<string, number>();
  private pools = new Map<string, number>();
  private watching: Promise<void> = Promise.resolve();
  private stopTimer: Stop = () => undefined;

  constructor(parts: WorkersParts) {
    this.parts = parts;
    this.dead = new DeadRows(parts);
  }

  /** Reads the rows there are, then follows their changes. */
  async start(): Promise<void> {
    for (const row of await this.parts.table.list(prefix)) this.put(row);
    this.count();
    this.dead.start();
    this.watching = this.watch();
    this.stopTimer = this.parts.world.timers.every(checkEveryMs, () => this.count(), { background: true });
  }

  async stop(): Promise<void> {
    this.stopTimer();
    this.stopped.abort();
    await this.watching;
    await this.dead.stop();
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

  sizeOf(tenant: TenantId): number {
    return this.list(tenant).filter(({ alive }) => alive).length;
  }

  /** Those alive whose code does not load: of one tenant, or of all. */
  broken(tenant: TenantId | undefined): readonly BrokenCode[] {
    return [...this.rows].flatMap(([key, row]) => {
      if (row.problem === undefined || !this.alive.has(key)) return [];
      if (tenant !== undefined && row.tenant !== tenant) return [];
      const serving = row.manifest === undefined ? {} : { serving: row.manifest.code };
      return [{ worker: row.worker, problem: row.problem, ...serving }];
    });
  }

  list(tenant: TenantId): readonly WorkerView[] {
    return this.listAll(tenant);
  }

  /** Without a tenant: those of all. */
  listAll(tenant: TenantId | undefined): readonly WorkerView[] {
    return [...this.rows]
      .filter(([, row]) => tenant === undefined || row.tenant === tenant)
      .map(([key, row]) => ({ ...row, alive: this.alive.has(key) }))
      .toSorted((a, b) => (a.worker < b.worker ? -1 : 1));
  }

  /** Who said last that it works on an attempt, dead or alive. */
  lastHolder(
    tenant: TenantId,
    of: { readonly run: string; readonly step: string; readonly attempt: number },
  ): LastHolder | undefined {
    let last: LastHolder | undefined;
    for (const { tenant: owner, worker, seenAt, busy } of this.rows.values()) {
      if (owner !== tenant || (last !== undefined && last.seenAt >= seenAt)) continue;
      const mine = busy.find(
        ({ run, step, attempt }) => run === of.run && step === of.step && attempt === of.attempt,
      );
      if (mine !== undefined) last = { worker, startedAt: mine.since, seenAt };
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

  /** Who came and who went since the last count; a row that lay there at the start is no news. */
  private tellOf(alive: ReadonlySet<string>): void {
    const since = new Map([...alive].map((key) => [key, this.rows.get(key)?.since ?? ""]));
    const before = this.told ?? since;
    this.told = since;
    for (const [key, at] of since) {
      const row = this.rows.get(key);
      if (row !== undefined && before.get(key) !== at) this.sayOf(key).info("worker joined", factsOf(row));
    }
    for (const key of before.keys()) {
      if (since.has(key)) continue;
      if (this.rows.has(key)) this.sayOf(key).warn("worker has gone silent: its work goes to others");
      else this.sayOf(key).info("worker left");
    }
  }

  private sayOf(key: string): Log {
    const [, tenant = "", worker = ""] = key.split(".");
    return this.parts.say.child({ tenant, worker });
  }

  private put(change: RowChange): void {
    const { key, value } = change;
    const row = value === undefined ? undefined : parsePresence(value);
    this.dead.changed(change, row);
    if (row === undefined) {
      this.rows.delete(key);
      this.signs.delete(key);
      return;
    }
    this.rows.set(key, row);
    const { revision } = change;
    const known = this.signs.get(key);
    if (known?.revision === revision) return;
    const changedMs = this.parts.world.clock.monotonic();
    this.signs.set(key, { revision, changedMs, isProven: known !== undefined });
  }

  /** A row that was there when we came is believed by its own clock, until it changes. */
  private isAlive(key: string, { seenAt }: WorkerPresence): boolean {
    const { clock } = this.parts.world;
    const sign = this.signs.get(key);
    if (sign === undefined || clock.monotonic() - sign.changedMs > presenceMaxAgeMs) return false;
    return sign.isProven || clock.now() - unixMs(seenAt) <= presenceMaxAgeMs;
  }

  /** Recounted as a whole: workers are few, and a row that ages has no change to tell of it. */
  private count(): void {
    const alive = new Set<string>();
    const lanes = new Map<string, number>();
    const byPool = new Map<string, Map<string, number>>();
    for (const [key, row] of this.rows) {
      if (!this.isAlive(key, row)) continue;
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
    this.tellOf(alive);
    const changed = !sameCounts(lanes, this.lanes) || !sameCounts(pools, this.pools);
    this.alive = alive;
    this.lanes = lanes;
    this.pools = pools;
    if (changed) this.parts.onChange();
  }
}

function factsOf({ pool, slots, build, host, pid }: WorkerPresence): Fields {
  return { pool, slots, build, host, pid };
}

function sameCounts(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([key, count]) => b.get(key) === count);
}
