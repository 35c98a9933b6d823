/** What the cases share: buses that are closed after each, time to wait by, names that are valid. */
import {
  AgentFlowError,
  type ErrorCode,
  makeRunId,
  parseId,
  prefixes,
  shardOfDigest,
  type Subject,
  subjects,
} from "@agentflow/protocol";
import { createHash } from "node:crypto";
import { afterEach, expect } from "vitest";
import type { Bus } from "../port/index.ts";
import type { BusMaker, Capabilities, ContractTime, Faults, Opened, OpenOptions } from "./maker.ts";
import { realTime } from "./world.ts";

export interface Kit {
  readonly can: Capabilities;
  readonly time: ContractTime;
  readonly open: (options?: OpenOptions) => Promise<Opened>;
  /** A fresh installation's first client. */
  readonly bus: (options?: OpenOptions) => Promise<Bus>;
  readonly restart: (opened: Opened, kind: "graceful" | "kill", data: "kept" | "empty") => Promise<Opened>;
  readonly second: (opened: Opened) => Promise<Bus>;
  readonly lacks: (...faults: (keyof Faults)[]) => boolean;
  readonly sleep: (ms: number) => Promise<void>;
  /** The promise's value, or an error that names what did not come within `ms`. */
  readonly within: <T>(what: string, promise: Promise<T>, ms?: number) => Promise<T>;
  /** A signal that is aborted after the test, at the latest. */
  readonly stopper: () => AbortController;
}

export function suiteKit(make: BusMaker): Kit {
  const opened: Opened[] = [];
  const stoppers: AbortController[] = [];
  const time = make.capabilities.time ?? realTime();
  afterEach(async () => {
    for (const stopper of stoppers.splice(0)) stopper.abort();
    for (const one of opened.splice(0).toReversed()) await one.close();
  });
  const keep = (one: Opened): Opened => {
    opened.push(one);
    return one;
  };
  const open = async (options?: OpenOptions): Promise<Opened> => keep(await make.open(options));
  return {
    can: make.capabilities,
    time,
    open,
    bus: async (options) => (await open(options)).bus,
    restart: async (one, kind, data) => keep(await present(one.restart, "restart")(kind, data)),
    second: (one) => present(one.second, "second")(),
    lacks: (...faults) => !faults.every((fault) => make.capabilities.faults.includes(fault)),
    sleep: (ms) => new Promise((resolve) => void time.after(ms, resolve)),
    within: (what, promise, ms = 5_000) => within(time, { what, promise, ms }),
    stopper: () => {
      const stopper = new AbortController();
      stoppers.push(stopper);
      return stopper;
    },
  };
}

/** What a capability promised must be there. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the adapter claims ${what} and has none`);
  return value;
}

function within<T>(time: ContractTime, wait: { what: string; promise: Promise<T>; ms: number }): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = time.after(wait.ms, () => reject(new Error(`${wait.what}: nothing after ${wait.ms} ms`)));
    wait.promise.then(resolve, reject).finally(stop);
  });
}

/** Refused with this code, and with nothing but an AgentFlowError. */
export async function refused(
  code: ErrorCode | readonly ErrorCode[],
  work: () => unknown,
): Promise<AgentFlowError> {
  const error = await Promise.resolve()
    .then(work)
    .then(
      () => expect.unreachable("it was accepted"),
      (thrown: unknown) => thrown,
    );
  if (!AgentFlowError.is(error)) throw error;
  expect([code].flat()).toContain(error.code);
  return error;
}

const tenant = parseId("tenant", "acme");
const build = parseId("build", "dev");

/** The subject of the n-th run of a test. */
export function runSubject(n: number, of = tenant): Subject {
  const run = makeRunId(1_790_000_000_000 + n, new Uint8Array(10));
  const shard = shardOfDigest(createHash("sha256").update(run).digest());
  return subjects.run({ shard, tenant: of, run });
}

/** The journal of a step of the run with this number, and what all its journals lie under. */
export function turnSubject(n: number, step: string): Subject {
  return subjects.turn({ ...turnsOf(n), step: parseId("step instance", step) });
}

export function turnPrefix(n: number): Subject {
  return prefixes.turns(turnsOf(n));
}

export function shardPrefix(n: number): Subject {
  return prefixes.shard(turnsOf(n).shard);
}

function turnsOf(n: number) {
  const run = makeRunId(1_790_000_000_000 + n, new Uint8Array(10));
  return { tenant, run, shard: shardOfDigest(createHash("sha256").update(run).digest()) };
}

export function taskSubject(pool = "default", of = tenant): Subject {
  return subjects.task({ tenant: of, pool: parseId("pool", pool), build });
}

export function inSubject(shard: number, of = tenant): Subject {
  return subjects.in({ shard: parseId("shard", String(shard).padStart(2, "0")), tenant: of });
}

export function liveSubject(n: number): Subject {
  return subjects.live({ tenant, run: makeRunId(n, new Uint8Array(10)) });
}

/** Lets hostile text through to the adapter, as a bug or an attacker would. */
export function anySubject(text: string): Subject {
  if (passesAsSubject(text)) return text;
  throw new Error("unreachable");
}

function passesAsSubject(text: string): text is Subject {
  return typeof text === "string";
}

export function blobKey(bytes: Uint8Array, folder = "acme/_def"): string {
  return `${folder}/${createHash("sha256").update(bytes).digest("hex")}`;
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Revisions as they can be compared: in order within each lane, whatever came between. */
export function inLanes(kit: Kit, revisions: readonly number[]): number[] {
  const lanes = kit.can.lanes ?? 1;
  return revisions.toSorted((a, b) => (a % lanes) - (b % lanes));
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
