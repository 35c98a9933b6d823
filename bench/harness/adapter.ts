/** What a system must offer to be measured, and which systems there are. */
import type { Pids } from "../lib/sampler.ts";

/** A step adds 1: the result of a run must equal its number of steps. */
export interface Work {
  readonly kind: "one" | "chain" | "fan" | "agent";
  readonly steps: number;
}

export interface Adapter {
  /** Durability settings and shape, in one line. */
  readonly note: string;
  /** Servers and worker processes on 127.0.0.1, with empty data; ready to run when it resolves. */
  start(): Promise<void>;
  /** Starts one run, waits for its end, gives the number of steps done. */
  runOne(work: Work): Promise<number>;
  /** Where there are agents: what each turn of the last runs cost beside the model and its tools, in ms. */
  turns?(): Promise<readonly number[]>;
  /** Every process involved, by label; descendants are found. */
  pids(): Pids;
  stop(): Promise<void>;
}

/** A system as it is named on the command line: an adapter, and the settings that make it this variant. */
export interface System {
  readonly name: string;
  readonly adapter: string;
  readonly env: { readonly [name: string]: string };
  /** Folders of `bench/node_modules` and programs that must be there. */
  readonly needs: { readonly packages: readonly string[]; readonly programs: readonly string[] };
}

const none = { packages: [], programs: [] };
const redis = { packages: ["bullmq"], programs: ["redis-server"] };
const postgres = { packages: ["@dbos-inc/dbos-sdk"], programs: ["postgres"] };
const restate = { packages: ["@restatedev/restate-sdk", "@restatedev/restate-server"], programs: [] };
const nats = { packages: ["@nats-io/jetstream"], programs: ["nats-server"] };

/** Every system that can be measured, with the variants that are worth a name. */
export const systems: readonly System[] = [
  { name: "http-floor", adapter: "adapters/http-floor.ts", env: {}, needs: none },
  { name: "agentflow-embedded", adapter: "adapters/agentflow-embedded.ts", env: {}, needs: none },
  {
    name: "agentflow-embedded-post",
    adapter: "adapters/agentflow-embedded.ts",
    env: { BENCH_DOOR: "post" },
    needs: none,
  },
  { name: "agentflow-nats", adapter: "adapters/agentflow-nats.ts", env: {}, needs: none },
  {
    name: "agentflow-nats-post",
    adapter: "adapters/agentflow-nats.ts",
    env: { BENCH_DOOR: "post" },
    needs: none,
  },
  {
    name: "agentflow-nats-fsync",
    adapter: "adapters/agentflow-nats.ts",
    env: { BENCH_NATS_SYNC: "always" },
    needs: none,
  },
  { name: "http-floor-nats", adapter: "peers/http-floor-nats.mjs", env: {}, needs: nats },
  {
    name: "http-floor-nats-fsync",
    adapter: "peers/http-floor-nats.mjs",
    env: { BENCH_NATS_SYNC: "always", BENCH_NATS_STREAMS: "8" },
    needs: nats,
  },
  { name: "restate", adapter: "peers/restate.mjs", env: {}, needs: restate },
  {
    name: "restate-nofsync",
    adapter: "peers/restate.mjs",
    env: { BENCH_RESTATE_NOFSYNC: "1" },
    needs: restate,
  },
  { name: "bullmq-fsync", adapter: "peers/bullmq.mjs", env: { BENCH_REDIS_FSYNC: "always" }, needs: redis },
  { name: "bullmq", adapter: "peers/bullmq.mjs", env: {}, needs: redis },
  { name: "dbos", adapter: "peers/dbos.mjs", env: {}, needs: postgres },
  { name: "dbos-async", adapter: "peers/dbos.mjs", env: { BENCH_PG_ASYNC: "1" }, needs: postgres },
  { name: "dbos-queue", adapter: "peers/dbos-queue.mjs", env: {}, needs: postgres },
  {
    name: "langgraph",
    adapter: "peers/langgraph.mjs",
    env: {},
    needs: { packages: ["@langchain/langgraph-cli"], programs: [] },
  },
  { name: "nats-direct", adapter: "peers/nats-direct.mjs", env: {}, needs: nats },
  { name: "nats-floor", adapter: "peers/nats-floor.mjs", env: {}, needs: nats },
  { name: "nats-notify", adapter: "peers/nats-notify.mjs", env: {}, needs: nats },
  { name: "nats-local", adapter: "peers/nats-local.mjs", env: {}, needs: nats },
  {
    name: "nats-shards-fsync",
    adapter: "peers/nats-shards.mjs",
    env: { BENCH_NATS_SYNC: "always" },
    needs: nats,
  },
];

/** What is measured when nothing else is asked for. */
export const usualSystems = [
  "http-floor",
  "agentflow-embedded",
  "restate",
  "bullmq-fsync",
  "bullmq",
  "dbos",
] as const;

export function systemNamed(name: string): System {
  const found = systems.find((system) => system.name === name);
  if (found !== undefined) return found;
  throw new Error(`no system "${name}"; there are: ${systems.map((system) => system.name).join(", ")}`);
}
