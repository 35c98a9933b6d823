/** What a simulation can do to an installation in memory. Clients are named as `client(name)` named them. */
import type { Subject } from "@agentflow/protocol";
import { gone } from "./link.ts";
import type { MemoryStore } from "./store.ts";
import type { Operation, When } from "./weather.ts";

export interface FailOptions {
  /** Only calls of this client; any client's when left out. */
  readonly client?: string;
}

export interface MemoryFaults {
  /** The next such call throws `unavailable`, before it was carried out or after. Further ones queue up. */
  failNext(operation: Operation, when: When, options?: FailOptions): void;
  /** Every durable write takes so much longer before it is stored; 0 ends it. */
  slowDisk(ms: number): void;
  /** Durable writes are stored in time and answered so much later; 0 ends it. */
  lateAnswers(ms: number): void;
  /** Nothing reaches the client or comes from it: its calls time out, its streams stand still. */
  partition(client: string): void;
  /** Ends the partition of this client, or of all. */
  heal(client?: string): void;
  /** The client's streams (tails, takes, watches) throw `unavailable`; it can open new ones at once. */
  disconnect(client: string): void;
  /** The client is gone for good: its streams end, its servers vanish, its leases run out by time. */
  crash(client: string): void;
  /**
   * The newest records of the log are lost (of several lanes each its own newest), their revisions are given
   * again, everybody is disconnected. Gives the subjects of those that are gone.
   */
  dropLogTail(count: number): readonly Subject[];
  /** The queue forgets everything and has a new epoch; takes throw `unavailable`. */
  restartQueue(): void;
  /** Everything stops; data is kept or not, the queue never is. Every client is gone: make new ones. */
  restart(options: RestartOptions): void;
  /** Hands out a held task once more though its holder has it still; false when nobody holds it. */
  repeatDelivery(task: string): boolean;
  /** Changes one byte of a stored blob; false when there is none. */
  corruptBlob(key: string): boolean;
}

export interface RestartOptions {
  readonly data: "kept" | "empty";
  /** `graceful` closes clients without an error. */
  readonly kind: "graceful" | "kill";
}

export function memoryFaults(store: MemoryStore): MemoryFaults {
  const { weather } = store;
  const disconnectAll = (): void => {
    for (const link of store.links) link.disconnect();
  };
  return {
    failNext: (operation, when, options) => weather.plan(operation, when, options?.client),
    slowDisk: (ms) => void (weather.diskMs = ms),
    lateAnswers: (ms) => void (weather.answerMs = ms),
    partition: (client) => store.linksOf(client).forEach((link) => link.partition(true)),
    heal: (client) => {
      for (const link of client === undefined ? store.links : store.linksOf(client)) link.partition(false);
      store.queue.dispatchAll();
    },
    disconnect: (client) => store.linksOf(client).forEach((link) => link.disconnect()),
    crash: (client) => store.linksOf(client).forEach((link) => link.crash()),
    dropLogTail: (count) => {
      const lanes = store.streams.all();
      const dropped: Subject[] = [];
      for (let n = 0; n < count; n++) {
        const filled = lanes.filter((lane) => lane.head() > 0);
        dropped.push(
          ...(filled[weather.pick(filled.length)]?.dropTail(1) ?? []).map(({ subject }) => subject),
        );
      }
      disconnectAll();
      return dropped;
    },
    restartQueue: () => {
      store.dropQueue();
      disconnectAll();
    },
    restart: ({ data, kind }) => {
      const error = kind === "kill" ? gone("the bus was killed") : undefined;
      store.links.forEach((link) => link.finish(error));
      store.reopen(data);
    },
    repeatDelivery: (task) => store.queue.repeat(task),
    corruptBlob: (key) => {
      const bytes = store.blobs.get(key);
      if (bytes === undefined || bytes.length === 0) return false;
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      return true;
    },
  };
}
