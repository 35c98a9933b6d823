/** The nasty twin: all five ports in memory, on the time and dice it is given. For tests and simulation. */
import type { Bus } from "../port/index.ts";
import { memoryFaults, type MemoryFaults } from "./faults.ts";
import { Link } from "./link.ts";
import { memoryBlobs } from "./blobs.ts";
import { memoryLog } from "./log.ts";
import { memoryQueue } from "./queue.ts";
import { MemoryStore, type StoreOptions } from "./store.ts";
import { memoryTable } from "./table.ts";
import { memoryWire } from "./wire.ts";
import type { WeatherOptions } from "./weather.ts";
import type { MemoryWorld } from "./world.ts";

export type { MemoryFaults, RestartOptions } from "./faults.ts";
export type { Nastiness } from "./nastiness.ts";
export type { Operation, When } from "./weather.ts";
export type { MemoryWorld } from "./world.ts";

export interface MemoryBusOptions extends WeatherOptions, StoreOptions {
  readonly world: MemoryWorld;
}

/** A bus (its first client is named `main`) whose installation can be joined by others, and hurt. */
export interface MemoryBus extends Bus {
  /** A client of the same installation. The name is what faults aim at; several may share one. */
  client(name: string): Bus;
  readonly faults: MemoryFaults;
}

/**
 * By default revisions have gaps, tasks come out of order and now and then twice, everything takes a while.
 * `polite` turns all of it off. Closing the bus closes its first client only.
 */
export function openMemoryBus(options: MemoryBusOptions): MemoryBus {
  const store = new MemoryStore(options.world, options);
  const client = (name: string): Bus => clientBus(store, name);
  return Object.assign(client("main"), { client, faults: memoryFaults(store) });
}

function clientBus(store: MemoryStore, name: string): Bus {
  const link = new Link(name, store.weather);
  store.links.add(link);
  link.atEnd(() => store.links.delete(link));
  return {
    kind: "memory",
    durability: "memory only: nothing outlives the process",
    log: memoryLog(store.streams, link),
    queue: memoryQueue(store.queue, link),
    table: memoryTable(store.table, link),
    blobs: memoryBlobs(store.blobs, link),
    wire: memoryWire(store.wire, link),
    sizes: () =>
      link.call("read", () => [...store.streams.sizes(), { stream: "task", messages: store.queue.size }]),
    closed: link.closed,
    close: async () => link.finish(undefined),
  };
}
