/** An append in flight, or a commit of another owner that was not read yet: its revision is above this. */
export interface Flight {
  readonly above: number;
}

/**
 * Up to which revision everything was handed on. An append in flight may get any revision above what was
 * acknowledged when it began, so nothing above that is safe until it has landed.
 */
export class Flights {
  private readonly open = new Set<Flight>();
  private acked = 0;

  /** Call when an append begins, and `land` once its commit was handed on, or proved not to be. */
  begin(above = this.acked): Flight {
    const flight = { above };
    this.open.add(flight);
    return flight;
  }

  land(flight: Flight): void {
    this.open.delete(flight);
  }

  /** A commit at this revision is durable. */
  ack(revision: number): void {
    if (revision > this.acked) this.acked = revision;
  }

  /** The log lost its end: what was acknowledged above its head is not there any more. */
  rewind(head: number): void {
    if (head < this.acked) this.acked = head;
  }

  get inFlight(): number {
    return this.open.size;
  }

  handedOn(): number {
    let upTo = this.acked;
    for (const { above } of this.open) upTo = Math.min(upTo, above);
    return upTo;
  }
}
