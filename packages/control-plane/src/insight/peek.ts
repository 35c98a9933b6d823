/** Looks at what lies on the bus, in bounds, and changes nothing. */
import type { Bus, LogEntry, PeekedTask, Position } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Secrets } from "@agentflow/host/log";
import {
  AgentFlowError,
  type BusItem,
  type BusPeek,
  instant,
  parseLogSubject,
  parseTaskSubject,
  type PeekKind,
  prefixes,
  type RunId,
  type Shard,
  type StepInstance,
  subjects,
} from "@agentflow/protocol";
import { noSuchRun } from "../orchestrator/refusal.ts";
import { runSubject, shardOf } from "../orchestrator/shard.ts";
import { parseTaskName } from "./parse-letter.ts";
import { isWithin, readable, rowsFrom } from "./rows.ts";
import { readsOf, type Sight } from "./sight.ts";
import { shownBody } from "./shown.ts";

export interface PeekParts {
  readonly bus: Bus;
  readonly world: World;
  readonly hidden: Secrets | undefined;
}

export interface PeekQuery {
  readonly kind: PeekKind;
  readonly limit: number;
  /** Bodies that are longer are cut. */
  readonly charactersMax: number;
  readonly pool?: string;
  readonly run?: RunId;
  readonly step?: StepInstance;
  readonly shard?: Shard;
  /** Of rows. */
  readonly prefix?: string;
}

type Found = Pick<BusPeek, "items" | "more" | "depths" | "streams">;

export async function peek(parts: PeekParts, sight: Sight, query: PeekQuery): Promise<BusPeek> {
  const { tenant } = sight;
  return {
    kind: query.kind,
    ...(tenant === undefined ? {} : { tenant }),
    at: instant(parts.world.clock.now()),
    ...(await found(parts, sight, query)),
  };
}

async function found(parts: PeekParts, sight: Sight, query: PeekQuery): Promise<Found> {
  switch (query.kind) {
    case "streams": {
      // Sizes of streams are the installation's.
      const streams = sight.tenant === undefined ? await parts.bus.sizes() : [];
      return { streams, depths: await depthsOf(parts, sight, query), items: [], more: false };
    }
    case "queue":
      return queueItems(parts, sight, query);
    case "log":
      return query.run === undefined ? shardItems(parts, sight, query) : runItems(parts, sight, query);
    default:
      return rowItems(parts, sight, query);
  }
}

async function depthsOf({ bus }: PeekParts, { tenant }: Sight, { pool }: PeekQuery) {
  const depths = await bus.queue.depth();
  return depths.flatMap(({ subject, waiting, leased }) => {
    const of = parseTaskSubject(subject);
    if (of === undefined || (tenant !== undefined && of.tenant !== tenant)) return [];
    if (pool !== undefined && of.pool !== pool) return [];
    return waiting + leased === 0 && pool === undefined ? [] : [{ subject, ...of, waiting, leased }];
  });
}

/** Filtered behind the queue, which knows prefixes and no pools: hence it is asked for more than is shown. */
async function queueItems(parts: PeekParts, sight: Sight, query: PeekQuery): Promise<Found> {
  const { tenant } = sight;
  const { limit, pool, run } = query;
  const isNarrow = pool !== undefined || run !== undefined;
  const of = { subject: prefixes.tasks(tenant), limit: isNarrow ? askedMax : limit + 1 };
  const tasks = (await parts.bus.queue.peek(of)).filter((task) => {
    const parsed = parseTaskSubject(task.subject);
    if (parsed === undefined || (pool !== undefined && parsed.pool !== pool)) return false;
    return run === undefined || parseTaskName(task.id, parsed.tenant)?.run === run;
  });
  const items = tasks.slice(0, limit).map((task) => taskItem(parts, { sight, query, task }));
  const more = tasks.length > limit;
  return { items, more, depths: await depthsOf(parts, sight, query) };
}

const askedMax = 1_000;

interface OneTask {
  readonly sight: Sight;
  readonly query: PeekQuery;
  readonly task: PeekedTask;
}

function taskItem(parts: PeekParts, { sight, query, task }: OneTask): BusItem {
  const { id, subject, body, state, holder, deliveries, atMs } = task;
  const tenant = parseTaskSubject(subject)?.tenant;
  const run = tenant === undefined ? undefined : parseTaskName(id, tenant)?.run;
  return {
    subject,
    id,
    ...(tenant === undefined ? {} : { tenant }),
    ...(run === undefined ? {} : { run }),
    ...(state === undefined ? {} : { state }),
    ...(holder === undefined ? {} : { holder }),
    ...(deliveries === undefined ? {} : { deliveries }),
    ...(atMs === undefined ? {} : { at: instant(atMs) }),
    ...shown(parts, { sight, query, tenant }, body),
  };
}

/** The newest records of a run, or of the journal of one of its steps. */
async function runItems(parts: PeekParts, sight: Sight, query: PeekQuery): Promise<Found> {
  const { run, step, limit } = query;
  const { tenant } = sight;
  if (run === undefined || tenant === undefined) throw tenantNeeded();
  const shard = shardOf(run);
  const subject = step === undefined ? runSubject(tenant, run) : subjects.turn({ shard, tenant, run, step });
  const all: LogEntry[] = [];
  for (let after = 0; ; ) {
    const page = await parts.bus.log.read(subject, { after, limit: askedMax });
    all.push(...page);
    after = page.at(-1)?.revision ?? after;
    if (page.length < askedMax) break;
    all.splice(0, Math.max(0, all.length - limit - 1));
  }
  if (all.length === 0) throw noSuchRun(run);
  const items = all.slice(-limit).map((entry) => logItem(parts, { sight, query, entry }));
  return { items, more: all.length > limit };
}

/** The newest records of a shard among the last ones of the log: for whoever may look over all tenants. */
async function shardItems(parts: PeekParts, sight: Sight, query: PeekQuery): Promise<Found> {
  const { shard, limit } = query;
  const { bus, world } = parts;
  if (shard === undefined || sight.tenant !== undefined) throw runNeeded();
  const heads = await bus.log.heads();
  const after: Position = heads.map((head) => Math.max(0, head - windowRevisions * heads.length));
  const kept: LogEntry[] = [];
  const stop = new AbortController();
  // A shard alone does not say where it ends: what has not come by then is not there.
  const cancel = world.timers.after(readForMs, () => stop.abort());
  for await (const batch of bus.log.tail({ filter: [prefixes.shard(shard)], after, signal: stop.signal })) {
    kept.push(...batch);
    kept.splice(0, Math.max(0, kept.length - limit - 1));
  }
  cancel();
  const items = kept.slice(-limit).map((entry) => logItem(parts, { sight, query, entry }));
  return { items, more: kept.length > limit };
}

const windowRevisions = 5_000;
const readForMs = 500;

function logItem(
  parts: PeekParts,
  { sight, query, entry }: { readonly sight: Sight; readonly query: PeekQuery; readonly entry: LogEntry },
): BusItem {
  const { subject, revision, body, atMs } = entry;
  const parsed = parseLogSubject(subject);
  return {
    subject,
    revision,
    at: instant(atMs),
    ...(parsed === undefined ? {} : { tenant: parsed.tenant, run: parsed.run }),
    ...(parsed?.kind === "turn" ? { step: parsed.step } : {}),
    ...shown(parts, { sight, query, tenant: parsed?.tenant }, body),
  };
}

async function rowItems(parts: PeekParts, sight: Sight, query: PeekQuery): Promise<Found> {
  const { prefix = "", limit } = query;
  const from = rowsFrom(sight.tenant, prefix);
  const lists = await Promise.all(from.map((one) => parts.bus.table.list(one)));
  const rows = lists.flat().filter(({ key }) => isWithin(sight.tenant, key) && key.startsWith(prefix));
  const items = rows.slice(0, limit).map(({ key, value, revision }): BusItem => {
    const { tenant, withheld } = readable(key);
    const hides: BusItem["withheld"] =
      withheld ?? (tenant === undefined || readsOf(sight, tenant) ? undefined : "other_tenant");
    const { hidden } = parts;
    const { charactersMax } = query;
    const options = { hidden, charactersMax, ...(hides === undefined ? {} : { withheld: hides }) };
    return {
      subject: key,
      revision,
      ...(tenant === undefined ? {} : { tenant }),
      ...shownBody(value, options),
    };
  });
  return { items, more: rows.length > limit };
}

function shown(
  { hidden }: PeekParts,
  of: { readonly sight: Sight; readonly query: PeekQuery; readonly tenant: string | undefined },
  text: string,
) {
  const { charactersMax } = of.query;
  const withheld = readsOf(of.sight, of.tenant) ? {} : ({ withheld: "other_tenant" } as const);
  return shownBody(text, { hidden, charactersMax, ...withheld });
}

function tenantNeeded(): AgentFlowError {
  return new AgentFlowError("invalid_input", "of which tenant is the run?", { reason: "tenant_missing" });
}

function runNeeded(): AgentFlowError {
  return new AgentFlowError("invalid_input", "name a run; a shard is the installation's", {
    reason: "run_missing",
    suggestions: ["af debug bus peek log --run @last", "af debug bus peek log --shard 07 (scope operator)"],
  });
}
