import NatsFloor from "./nats-floor.mjs";

/** nats-floor over several streams (BENCH_SHARDS, default 8): each has its own fsync queue. */
export default class NatsShards extends NatsFloor {
  shards = Number(process.env.BENCH_SHARDS ?? 8);
  note = `${this.note}; spread over ${this.shards} streams`;
}
