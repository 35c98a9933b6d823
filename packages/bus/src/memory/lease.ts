/** A task on the queue, who takes, and the hold of one on the other. */
import type { Subject } from "@agentflow/protocol";
import type { TakeOptions } from "../port/index.ts";
import type { Bell } from "./bell.ts";
import type { Link } from "./link.ts";

export interface Item {
  readonly id: string;
  readonly subject: Subject;
  readonly body: string;
  deliveries: number;
  /** Undefined while it waits. */
  lease: Lease | undefined;
}

export interface Taker {
  readonly link: Link;
  readonly options: TakeOptions;
  readonly bell: Bell;
  /** Leased and neither acknowledged nor lost, in the queue's eyes. */
  readonly held: Set<Lease>;
  /** On their way to the reader. */
  readonly inbox: Lease[];
  open: boolean;
  /** Grows with each hand-out: of two equal takers the one served longer ago is next. */
  servedAt: number;
}

export interface Lease {
  readonly item: Item;
  readonly taker: Taker;
  readonly lost: AbortController;
  readonly delivery: number;
  until: number;
  /** The reader has seen it: from then on only time or the reader ends it. */
  handed: boolean;
  /** The work is done: it takes no slot. */
  reporting: boolean;
  stopTimer: () => void;
}

export function isCurrent(lease: Lease): boolean {
  return lease.item.lease === lease;
}
