import { laneOf, lower, type Position, startOf } from "@agentflow/bus";

/** An append in flight, or a commit of another owner that was not read yet: its revision is above this. */
export interface Flight {
  readonly lane: number;
  readonly above: number;
}

/**
 * Up to where everything was handed on. An append in flight may get any revision of its lane above what was
 * acknowledged there when it began, so nothing above that is safe until it has landed.
 */
export class Flights {
  private readonly open = new Set<Flight>();
  private readonly acked: number[];

  constructor(lanes: number) {
    this.acked = [...startOf(lanes)];
  }

  /** Call when an append begins, and `land` once its commit was handed on, or proved not to be. */
  begin(lane: number, above = this.acked[lane] ?? 0): Flight {
    const flight = { lane, above };
    this.open.add(flight);
    return flight;
  }

  land(flight: Flight): void {
    this.open.delete(flight);
  }

  /** A commit at this revision is durable. */
  ack(revision: number): void {
    const lane = laneOf(revision, this.acked.length);
    if (revision > (this.acked[lane] ?? 0)) this.acked[lane] = revision;
  }

  /** The log lost its end: what was acknowledged above its heads is not there any more. */
  rewind(heads: Position): void {
    for (const [lane, revision] of lower(this.acked, heads).entries()) this.acked[lane] = revision;
  }

  get inFlight(): number {
    return this.open.size;
  }

  handedOn(): Position {
    const upTo = [...this.acked];
    for (const { lane, above } of this.open) upTo[lane] = Math.min(upTo[lane] ?? 0, above);
    return upTo;
  }
}
