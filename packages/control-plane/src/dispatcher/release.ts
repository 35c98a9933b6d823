import type { Item, Lane } from "./lane.ts";

/** Slots of workers that are alive, as presence rows tell. */
export interface Slots {
  /** Of the workers that take this tenant's tasks of the pool and build. */
  ofLane(lane: Lane): number;
  /** Of all workers of the pool and build, whichever tenants they serve; a worker counts once. */
  ofPool(lane: Lane): number;
}

/** Lanes of one pool and build share its workers; tenants take turns. */
export class ReleaseGroup {
  readonly lanes: Lane[] = [];
  private turn = 0;

  /** Releases what the pool may hold: twice its slots, each tenant in turn, oldest first. */
  release(slots: Slots, withoutWorkers: number, out: Item[], max: number): void {
    const [first] = this.lanes;
    if (first === undefined) return;
    const poolMax = Math.max(1, 2 * slots.ofPool(first));
    const maxOf = this.lanes.map((lane) => {
      const own = slots.ofLane(lane);
      return own === 0 ? withoutWorkers : 2 * own;
    });
    let held = 0;
    for (const lane of this.lanes) if (slots.ofLane(lane) > 0) held += lane.outstanding;
    for (let idle = 0; idle < this.lanes.length && out.length < max; ) {
      const index = this.turn % this.lanes.length;
      this.turn = index + 1;
      const lane = this.lanes[index];
      const counts = lane !== undefined && slots.ofLane(lane) > 0;
      const fits =
        lane !== undefined && lane.outstanding < (maxOf[index] ?? 0) && (!counts || held < poolMax);
      const item = fits ? lane.take() : undefined;
      if (item === undefined) {
        idle++;
        continue;
      }
      idle = 0;
      if (counts) held++;
      out.push(item);
    }
  }
}
