import type { Item, Lane } from "./lane.ts";
import type { QueueRoom } from "./queue-room.ts";

/** Slots of workers that are alive, as presence rows tell. */
export interface Slots {
  /** Of the workers that take this tenant's tasks of the pool and build. */
  ofLane(lane: Lane): number;
  /** Of all workers of the pool and build, whichever tenants they serve; a worker counts once. */
  ofPool(lane: Lane): number;
}

export interface ReleaseOptions {
  readonly slots: Slots;
  /** How much of what a pool may hold falls to this owner, which could use `own` of it. */
  readonly share: (group: string, of: { readonly own: number; readonly total: number }) => number;
  /** What each tenant may still have with the queue. */
  readonly room: QueueRoom;
  readonly withoutWorkers: number;
  /** Tasks in one push. */
  readonly max: number;
}

/** Lanes of one pool and build share its workers; tenants take turns. */
export class ReleaseGroup {
  readonly lanes: Lane[] = [];
  private turn = 0;

  /** Tasks that wait or are out. */
  get demand(): number {
    let sum = 0;
    for (const lane of this.lanes) sum += lane.waiting + lane.outstanding;
    return sum;
  }

  /** Releases what the pool may hold: twice its slots, each tenant in turn, oldest first. */
  release({ slots, share, room, withoutWorkers, max }: ReleaseOptions, out: Item[]): void {
    const [first] = this.lanes;
    if (first === undefined) return;
    const ofPool = slots.ofPool(first);
    const total = Math.max(1, ofPool === 0 ? withoutWorkers : 2 * ofPool);
    const poolMax = share(`${first.pool} ${first.build}`, { own: this.demand, total });
    const maxOf = this.lanes.map((lane) => {
      const own = slots.ofLane(lane);
      const all = own === 0 ? withoutWorkers : 2 * own;
      return poolMax === total ? all : Math.min(all, Math.ceil((all * poolMax) / total));
    });
    // What a lane has out beyond its part, from before that became smaller, is no other lane's burden.
    let held = 0;
    for (const [index, lane] of this.lanes.entries()) {
      if (slots.ofLane(lane) > 0) held += Math.min(lane.outstanding, maxOf[index] ?? 0);
    }
    for (let idle = 0; idle < this.lanes.length && out.length < max; ) {
      const index = this.turn % this.lanes.length;
      this.turn = index + 1;
      const lane = this.lanes[index];
      const counts = lane !== undefined && slots.ofLane(lane) > 0;
      const fits =
        lane !== undefined &&
        lane.outstanding < (maxOf[index] ?? 0) &&
        (!counts || held < poolMax) &&
        room.has(lane.tenant);
      const item = fits ? lane.take() : undefined;
      if (item === undefined) {
        idle++;
        continue;
      }
      idle = 0;
      if (counts) held++;
      room.take(item);
      out.push(item);
    }
  }
}
