/** What is done to the cluster, one at a time; each ends with what was at fault being there again. */
import { sleep } from "../lib/children.ts";
import { type Network, nodes } from "./network.ts";
import type { Nodes } from "./nodes.ts";
import type { Service } from "./services.ts";
import type { Wires } from "./wires.ts";

export interface Target {
  readonly network: Network;
  readonly nodes: Nodes;
  readonly wires: Wires;
  readonly controlPlanes: readonly Service[];
  readonly workers: readonly Service[];
}

export interface Fault {
  readonly kind: FaultKind;
  /** What it struck: nodes and processes by name. */
  readonly what: string;
  readonly atMs: number;
  readonly ms: number;
}

type Random = () => number;
type Strike = (target: Target, random: Random) => Promise<string>;

/** Of a node's links: each byte comes so much later. */
const latencyMs = 500;
const logStream = "AF_LOG_0";

const strikes = {
  "node-kill": nodeKill,
  "leader-pause": leaderPause,
  "one-way-cut": oneWayCut,
  partition,
  latency,
  rolling,
  "cluster-kill": clusterKill,
  "control-kill": controlKill,
  "control-pause": controlPause,
  "worker-kill": workerKill,
} as const satisfies Record<string, Strike>;

export type FaultKind = keyof typeof strikes;

/** How often each comes: a rolling restart is many faults in one. */
const weights: readonly (readonly [FaultKind, number])[] = [
  ["node-kill", 3],
  ["leader-pause", 2],
  ["one-way-cut", 3],
  ["partition", 2],
  ["latency", 2],
  ["rolling", 1],
  ["cluster-kill", 1],
  ["control-kill", 2],
  ["control-pause", 2],
  ["worker-kill", 2],
];

export const faultKinds: readonly FaultKind[] = weights.map(([kind]) => kind);

/** A kind by its weight, out of those that are allowed. */
export function chooseFault(random: Random, allowed: readonly FaultKind[]): FaultKind {
  const some = weights.filter(([kind]) => allowed.includes(kind));
  let roll = random() * some.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [kind, weight] of some) {
    roll -= weight;
    if (roll < 0) return kind;
  }
  throw new Error("no fault is allowed");
}

export async function strike(kind: FaultKind, target: Target, random: Random): Promise<Fault> {
  const atMs = Date.now();
  const what = await strikes[kind](target, random);
  return { kind, what, atMs, ms: Date.now() - atMs };
}

async function nodeKill(target: Target, random: Random): Promise<string> {
  const node = pick(nodes, random);
  const ms = between(500, 8_000, random);
  await target.nodes.end(node, "SIGKILL");
  await sleep(ms);
  target.nodes.start(node);
  return `n${node} down for ${ms} ms`;
}

/** Long enough, at times, that another leads when it comes back and still believes to lead. */
async function leaderPause(target: Target, random: Random): Promise<string> {
  const ms = between(1_000, 15_000, random);
  const leader = (await target.nodes.leaderOf(logStream)) ?? pick(nodes, random);
  const thaw = target.nodes.freeze(leader);
  await sleep(ms);
  thaw();
  return `n${leader} for ${ms} ms`;
}

async function oneWayCut({ network }: Target, random: Random): Promise<string> {
  const from = pick(nodes, random);
  const to = pick(
    nodes.filter((node) => node !== from),
    random,
  );
  const ms = between(2_000, 15_000, random);
  await during(network.cut(from, to), ms);
  return `n${from} to n${to} for ${ms} ms`;
}

async function partition({ network }: Target, random: Random): Promise<string> {
  const node = pick(nodes, random);
  const ms = between(2_000, 15_000, random);
  await during(network.isolate(node), ms);
  return `n${node} for ${ms} ms`;
}

async function latency({ wires }: Target, random: Random): Promise<string> {
  const node = pick(nodes, random);
  const ms = between(3_000, 10_000, random);
  await during(wires.slow(node, latencyMs), ms);
  return `n${node}, ${latencyMs} ms, for ${ms} ms`;
}

async function rolling({ nodes: servers }: Target): Promise<string> {
  for (const node of nodes) {
    await servers.end(node, "SIGTERM");
    servers.start(node);
    await servers.whenHealthy([node]);
  }
  return "n1, n2, n3";
}

/** All at once: what the queue held in memory is gone. */
async function clusterKill({ nodes: servers }: Target, random: Random): Promise<string> {
  const ms = between(0, 4_000, random);
  await Promise.all(nodes.map((node) => servers.end(node, "SIGKILL")));
  await sleep(ms);
  for (const node of nodes) servers.start(node);
  return `n1, n2, n3 down for ${ms} ms`;
}

async function controlKill(target: Target, random: Random): Promise<string> {
  const ms = between(0, 7_000, random);
  return revive(pick(target.controlPlanes, random), ms);
}

/** Longer than its leases: it comes back and does not know yet that its shards are another's. */
async function controlPause(target: Target, random: Random): Promise<string> {
  const service = pick(target.controlPlanes, random);
  const ms = between(4_000, 9_000, random);
  await during(service.freeze(), ms);
  return `${service.name} for ${ms} ms`;
}

async function workerKill(target: Target, random: Random): Promise<string> {
  return revive(pick(target.workers, random), between(0, 3_000, random));
}

async function revive(service: Service, ms: number): Promise<string> {
  await service.end("SIGKILL");
  await sleep(ms);
  service.start();
  return `${service.name} down for ${ms} ms`;
}

async function during(heal: () => void, ms: number): Promise<void> {
  await sleep(ms);
  heal();
}

function between(least: number, most: number, random: Random): number {
  return Math.round(least + random() * (most - least));
}

function pick<T>(all: readonly T[], random: Random): T {
  const one = all[Math.floor(random() * all.length)] ?? all[0];
  if (one === undefined) throw new Error("nothing to choose from");
  return one;
}
