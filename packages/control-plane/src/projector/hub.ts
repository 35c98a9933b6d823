import { covers, higher, lower, type Position, startOf } from "@agentflow/bus";
import type { RunId, TenantId } from "@agentflow/protocol";
import type { AnyRecordOfRun, LogRecordOfRun } from "./log-tail.ts";

export interface Listener {
  readonly tenant: TenantId;
  /** Undefined: every run of the tenant. */
  readonly runs: readonly RunId[] | undefined;
  /** Not one of those whom the limit is for. */
  readonly isOwn?: true;
  /** Records of journals come only to those who listen to their run. */
  onRecord(record: AnyRecordOfRun): void;
}

/** Feeds followers from the engine's one tail. Costs nothing for a run that nobody follows. */
export class Hub {
  private readonly byRun = new Map<string, Set<Listener>>();
  private readonly byTenant = new Map<string, Set<Listener>>();
  private readonly taps = new Set<(record: LogRecordOfRun) => void>();
  private at: Position;
  private count = 0;
  private own = 0;

  constructor(lanes: number) {
    this.at = startOf(lanes);
  }

  /** Records up to here were handed out. */
  get position(): Position {
    return this.at;
  }

  get listeners(): number {
    return this.count - this.own;
  }

  /** The tail begins behind this. */
  begin(at: Position): void {
    this.at = higher(this.at, at);
  }

  /** The log lost its end: what comes above this is new, whatever its revision. */
  rewind(at: Position): void {
    this.at = lower(this.at, at);
  }

  push(records: readonly AnyRecordOfRun[], upTo: Position): void {
    // After a rebuild the tail passes old places again: followers have seen them.
    if (this.count > 0) {
      for (const record of records) if (!covers(this.at, record.revision)) this.deliver(record);
    }
    this.at = higher(this.at, upTo);
  }

  /** From the next record on. The returned function ends it. */
  listen(listener: Listener): () => void {
    const { tenant, runs } = listener;
    const places = runs === undefined ? [tenantSet(this.byTenant, tenant)] : this.sets(tenant, runs);
    for (const place of places) place.add(listener);
    this.count++;
    if (listener.isOwn) this.own++;
    return () => {
      if (!places.some((place) => place.delete(listener))) return;
      for (const place of places) place.delete(listener);
      this.count--;
      if (listener.isOwn) this.own--;
      this.forget(listener);
    };
  }

  /** Commits of all tenants from the next one on. The returned function ends it. */
  tap(onCommit: (record: LogRecordOfRun) => void): () => void {
    this.taps.add(onCommit);
    this.count++;
    this.own++;
    return () => {
      if (!this.taps.delete(onCommit)) return;
      this.count--;
      this.own--;
    };
  }

  private deliver(record: AnyRecordOfRun): void {
    for (const listener of this.byRun.get(`${record.tenant} ${record.run}`) ?? []) listener.onRecord(record);
    if (record.kind === "turn") return;
    for (const tap of this.taps) tap(record);
    for (const listener of this.byTenant.get(record.tenant) ?? []) listener.onRecord(record);
  }

  private sets(tenant: TenantId, runs: readonly RunId[]): Set<Listener>[] {
    return runs.map((run) => tenantSet(this.byRun, `${tenant} ${run}`));
  }

  private forget({ tenant, runs }: Listener): void {
    if (runs === undefined) {
      if (this.byTenant.get(tenant)?.size === 0) this.byTenant.delete(tenant);
      return;
    }
    for (const run of runs) {
      const key = `${tenant} ${run}`;
      if (this.byRun.get(key)?.size === 0) this.byRun.delete(key);
    }
  }
}

function tenantSet(sets: Map<string, Set<Listener>>, key: string): Set<Listener> {
  const known = sets.get(key);
  if (known !== undefined) return known;
  const made = new Set<Listener>();
  sets.set(key, made);
  return made;
}
