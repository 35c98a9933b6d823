/** What lies on the bus and what comes over it, for people who look for a fault. Nothing here changes it. */
import type { Instant, Json } from "../json.ts";
import type { StreamTop } from "./top.ts";

/** What can be looked at. */
export const peekKinds = ["streams", "queue", "log", "tables"] as const;
export type PeekKind = (typeof peekKinds)[number];

/** What can be followed. */
export const tailKinds = ["commits", "journals", "tasks", "inputs", "telemetry", "dead"] as const;
export type TailKind = (typeof tailKinds)[number];

/** `GET /v1/bus/peek` */
export interface BusPeek {
  readonly kind: PeekKind;
  /** Absent where the answer is of the whole installation. */
  readonly tenant?: string;
  readonly at: Instant;
  readonly streams?: readonly StreamTop[];
  readonly depths?: readonly QueueDepthView[];
  readonly items: readonly BusItem[];
  /** There is more than was asked for. */
  readonly more: boolean;
}

export interface QueueDepthView {
  readonly subject: string;
  readonly tenant: string;
  readonly pool: string;
  readonly build: string;
  readonly waiting: number;
  readonly leased: number;
}

/** One message, row or record. */
export interface BusItem {
  /** Of a message its subject, of a row its key. */
  readonly subject: string;
  readonly tenant?: string;
  readonly id?: string;
  readonly revision?: number;
  readonly at?: Instant;
  readonly run?: string;
  readonly step?: string;
  readonly state?: "waiting" | "leased";
  readonly holder?: string;
  readonly deliveries?: number;
  readonly bytes: number;
  /** Decoded and masked. Absent: it is withheld, see `withheld`. */
  readonly body?: Json;
  /** The beginning of its text, where that is longer than was asked for. */
  readonly cut?: string;
  readonly withheld?: "secret" | "other_tenant";
}

/** A message of `GET /v1/bus/tail`: an item, and what it is of. */
export interface BusTailItem extends BusItem {
  readonly kind: TailKind;
}

/** How a dead letter's task stands now: worked out from its run, never from the letter. */
export type DeadState =
  /** The attempt is open: its run waits for this task. */
  | "open"
  /** A worker is at it now. */
  | "working"
  /** It lies in the queue: it was sent again, and waits for a worker. */
  | "queued"
  /** The attempt ended, or the run did: nothing is left to do. */
  | "settled"
  /** There is no such run any more. */
  | "gone"
  /** The run cannot be read by this release, or the letter names none. */
  | "unknown";

/** Letters of one task, the newest of them shown. */
export interface DeadLetterView {
  /** Its number: the newest letter's place in the stream. */
  readonly letter: number;
  readonly task: string;
  readonly tenant: string;
  readonly pool: string;
  readonly build?: string;
  readonly run?: string;
  readonly step?: string;
  readonly attempt?: number;
  readonly uses?: string;
  readonly reason: string;
  readonly deliveries: number;
  /** How many letters there are of this task. */
  readonly times: number;
  readonly since: Instant;
  readonly at: Instant;
  readonly state: DeadState;
}

/** `GET /v1/bus/dead`, newest first. */
export interface DeadPage {
  readonly items: readonly DeadLetterView[];
  readonly more: boolean;
}

/** Body of `POST /v1/bus/dead/redrive`. Without a letter named, `all` has to say that all are meant. */
export interface RedriveBody {
  readonly letters?: readonly number[];
  readonly all?: boolean;
  readonly pool?: string;
  readonly run?: string;
  readonly reason?: string;
  /** Only letters with a smaller number: how the next page is asked for. */
  readonly before?: number;
  readonly dryRun?: boolean;
}

export interface RedriveItem {
  readonly letter: number;
  readonly task: string;
  readonly tenant: string;
  readonly run?: string;
  readonly step?: string;
  /** `sent`: its run's owner sends the open task again; `would_send`: it would, but for the dry run. */
  readonly outcome: "sent" | "would_send" | "queued" | "working" | "settled" | "gone" | "unknown" | "failed";
  readonly message?: string;
}

export interface RedriveAnswer {
  readonly dryRun: boolean;
  readonly items: readonly RedriveItem[];
  /** More letters match than one call redrives: ask again. */
  readonly more: boolean;
}
