/** What an installation in memory holds, apart from any client. */
import type { Link } from "./link.ts";
import { MemoryStreams } from "./log.ts";
import { type QueueOptions, QueueState } from "./queue-state.ts";
import { TableState } from "./table.ts";
import { Weather, type WeatherOptions } from "./weather.ts";
import { WireState } from "./wire.ts";
import type { MemoryWorld } from "./world.ts";

export interface StoreOptions {
  /** The queue takes no more tasks than this, waiting and leased together. */
  readonly queueMax?: number;
  /** In how many lanes the log is kept; 1 when left out. */
  readonly logs?: number;
}

const queueMaxDefault = 100_000;

export class MemoryStore {
  readonly weather: Weather;
  readonly links = new Set<Link>();
  streams: MemoryStreams;
  queue: QueueState;
  table: TableState;
  blobs = new Map<string, Uint8Array>();
  wire = new WireState();
  private epoch = 0;
  private readonly queueMax: number;
  private readonly logs: number;

  constructor(world: MemoryWorld, options: StoreOptions & WeatherOptions) {
    this.weather = new Weather(world, options);
    this.queueMax = options.queueMax ?? queueMaxDefault;
    this.logs = options.logs ?? 1;
    this.streams = new MemoryStreams(this.weather, this.logs);
    this.table = new TableState(this.weather);
    this.queue = this.freshQueue();
  }

  linksOf(client: string): Link[] {
    return [...this.links].filter((link) => link.name === client);
  }

  /** An empty queue under a new epoch: the clients that are connected lose what they held. */
  dropQueue(): void {
    this.queue.restart(this.nextEpoch());
  }

  /** The data of a process that ended, as the next one finds it. */
  reopen(data: "kept" | "empty"): void {
    this.wire = new WireState();
    if (data === "empty") {
      this.streams = new MemoryStreams(this.weather, this.logs);
      this.table = new TableState(this.weather);
      this.blobs = new Map();
    }
    this.queue = this.freshQueue();
  }

  private freshQueue(): QueueState {
    const keepDead: QueueOptions["keepDead"] = (subject, body) =>
      void this.streams.of("dead", subject).append(subject, body, "any");
    return new QueueState(this.weather, { max: this.queueMax, epoch: this.nextEpoch(), keepDead });
  }

  private nextEpoch(): string {
    this.epoch += 1;
    return `memory-${this.epoch}`;
  }
}
