import type { Blobs } from "./blobs.ts";
import type { Log } from "./log.ts";
import type { Queue } from "./queue.ts";
import type { Table } from "./table.ts";
import type { Wire } from "./wire.ts";

export * from "./blobs.ts";
export type { DeadLetter } from "./dead-letter.ts";
export * from "./log.ts";
export * from "./position.ts";
export * from "./queue.ts";
export * from "./table.ts";
export * from "./wire.ts";

/** What is kept under one name: `log`, `log 1`, `task`, `dead`, `tele`, `audit`, `table`, `blob`. */
export interface StreamSize {
  readonly stream: string;
  readonly messages?: number;
  readonly bytes?: number;
}

/** The five ports of one installation, as an adapter opens them. */
export interface Bus {
  readonly kind: "memory" | "embedded" | "embedded-client" | "nats" | "redis" | "rabbitmq";
  /** What a person should know of it: `fsync before each answer`, `written, not yet on disk`. */
  readonly durability: string;
  readonly log: Log;
  readonly queue: Queue;
  readonly table: Table;
  readonly blobs: Blobs;
  readonly wire: Wire;
  /** How much lies in each stream, as far as the adapter can tell without counting. Owners ask it. */
  sizes(): Promise<readonly StreamSize[]>;
  /** Settled once the bus is gone for good (closed or broken): whoever lives on it should stop. */
  readonly closed: Promise<Error | undefined>;
  close(): Promise<void>;
}
