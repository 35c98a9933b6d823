/**
 * What an agent recalls of a session: the newest record of a journal of the session's own. Each record holds
 * the whole memory, so the older ones may be purged; whoever loses a race merges and writes again.
 */
import type { Log, Revision } from "@agentflow/bus";
import {
  AgentFlowError,
  type Message,
  type RunId,
  type StepInstance,
  type Subject,
  type TenantId,
  makeRunId,
  parseId,
  shardOfDigest,
  subjects,
} from "@agentflow/protocol";
import { hash } from "node:crypto";
import type { Exchange, Memory } from "./memory.ts";
import { parseMemory } from "./parse-memory.ts";

export interface SessionName {
  readonly tenant: TenantId;
  readonly agent: string;
  readonly session: string;
}

const memoryLimits = {
  rounds: 16,
  /** The oldest exchanges go until a memory is as short as this. */
  bytesMax: 200 * 1024,
} as const;

const memoryStep: StepInstance = parseId("step instance", "memory");

/** A run id as one that is made from a request key, with a time of zero: nobody started such a run. */
export function sessionRun({ tenant, agent, session }: SessionName): RunId {
  const digest = hash("sha256", `${tenant}\0session:${agent}:${session}`, "buffer");
  return makeRunId(0, digest.subarray(0, 10));
}

export function sessionSubject(name: SessionName): Subject {
  const run = sessionRun(name);
  const shard = shardOfDigest(hash("sha256", run, "buffer"));
  return subjects.turn({ shard, tenant: name.tenant, run, step: memoryStep });
}

/** What is recalled now; the session is there from then on. */
export async function recall(log: Log, name: SessionName): Promise<Memory> {
  return (await newest(log, name)).memory;
}

/** The messages that a loop begins with, between its instructions and the first message of its own. */
export function recalledMessages({ summary, exchanges }: Memory): readonly Message[] {
  const told: Message[] =
    summary === undefined ? [] : [{ role: "user", text: `What was said before, summed up:\n${summary}` }];
  return [...told, ...exchanges.flatMap(({ messages }) => messages)];
}

export interface RememberOptions {
  readonly log: Log;
  readonly name: SessionName;
  /** Messages that are kept word for word. */
  readonly window: number;
  /** Sums up what leaves the window; without it that is forgotten. */
  readonly sumUp?: (before: string | undefined, leaving: readonly Message[]) => Promise<string>;
}

/** Adds an exchange, once. Throws `conflict` after too many lost races. */
export async function remember(exchange: Exchange, options: RememberOptions): Promise<void> {
  const { log, name } = options;
  const subject = sessionSubject(name);
  for (let round = 0; round < memoryLimits.rounds; round++) {
    const { memory, revision } = await newest(log, name);
    if (memory.exchanges.some(({ by }) => by === exchange.by)) return;
    const next = await withExchange(memory, exchange, options);
    const appended = await log.append(subject, JSON.stringify(next), { expect: revision });
    if (appended.ok) return;
  }
  throw new AgentFlowError("conflict", `the memory of session ${name.session} kept changing`);
}

async function withExchange(memory: Memory, exchange: Exchange, options: RememberOptions): Promise<Memory> {
  const kept = [...memory.exchanges, exchange];
  const leaving: Message[] = [];
  const count = (): number => kept.reduce((sum, { messages }) => sum + messages.length, 0);
  const tooMuch = (): boolean =>
    count() > options.window || Buffer.byteLength(JSON.stringify(kept)) > memoryLimits.bytesMax;
  while (kept.length > 1 && tooMuch()) leaving.push(...(kept.shift()?.messages ?? []));
  const { summary, ...rest } = memory;
  const said =
    leaving.length > 0 && options.sumUp !== undefined ? await options.sumUp(summary, leaving) : summary;
  return { ...rest, exchanges: kept, ...(said === undefined ? {} : { summary: said }) };
}

/**
 * The newest record. An append before everything is refused with the place of the newest; in a session that
 * is new it is the first record.
 */
async function newest(log: Log, name: SessionName): Promise<{ memory: Memory; revision: Revision }> {
  const { agent, session } = name;
  const empty: Memory = { v: 1, kind: "memory", agent, session, exchanges: [] };
  const subject = sessionSubject(name);
  const first = await log.append(subject, JSON.stringify(empty), { expect: 0 });
  if (first.ok) return { memory: empty, revision: first.revision };
  const [entry] = await log.read(subject, { after: first.revision - 1, limit: 1 });
  if (entry === undefined) throw new AgentFlowError("unavailable", `session ${session} cannot be read now`);
  return { memory: parseMemory(entry.body), revision: entry.revision };
}
