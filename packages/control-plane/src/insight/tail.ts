/** Follows what comes over the bus: from now on, each record as it is kept, and what stands in it. */
import { type Bus, type LogEntry, type Position, type Revision } from "@agentflow/bus";
import type { Secrets } from "@agentflow/host/log";
import {
  type BusTailItem,
  instant,
  parseLogSubject,
  prefixes,
  type RunId,
  type Subject,
  type TailKind,
} from "@agentflow/protocol";
import { parseCommit } from "../orchestrator/parse-commit.ts";
import { runSubject, shardOf } from "../orchestrator/shard.ts";
import { parseLetter } from "./parse-letter.ts";
import { readsOf, type Sight, sees } from "./sight.ts";
import { shownBody } from "./shown.ts";

export interface TailParts {
  readonly bus: Bus;
  readonly hidden: Secrets | undefined;
}

export interface TailQuery {
  readonly kinds: ReadonlySet<TailKind>;
  readonly charactersMax: number;
  readonly run?: RunId;
  readonly pool?: string;
}

export interface TailReader {
  readonly onItem: (item: BusTailItem) => void;
  /** True while the reader is behind: what comes meanwhile is left out. */
  readonly isBehind: () => boolean;
  /** Records that were left out since the last one that was told. */
  readonly onMissed: (count: number) => void;
  readonly signal: AbortSignal;
}

type Look = (entry: LogEntry) => readonly BusTailItem[];

/** Resolves when the signal aborts. Records come in the order of their stream, streams side by side. */
export async function tailBus(parts: TailParts, sight: Sight, of: TailQuery & TailReader): Promise<void> {
  const { kinds, run } = of;
  const { log } = parts.bus;
  // Nothing is followed before all places are known: what fails then leaves nothing behind.
  const all: Following[] = [];
  if (logKinds.some((kind) => kinds.has(kind))) {
    const filter = logFilter(sight, run);
    all.push({ filter, after: await log.heads(), look: (entry) => ofLog(parts, sight, of, entry) });
  }
  if (kinds.has("telemetry")) {
    const after = await log.head(prefixes.tele);
    all.push({ filter: [prefixes.tele], after, look: (entry) => ofTele(parts, sight, of, entry) });
  }
  if (kinds.has("dead")) {
    const after = await log.head(prefixes.dead);
    all.push({ filter: [prefixes.dead], after, look: (entry) => ofDead(parts, sight, of, entry) });
  }
  await Promise.all(all.map((one) => follow(parts, of, one)));
}

const logKinds: readonly TailKind[] = ["commits", "journals", "tasks", "inputs"];

/** Of one run of a known tenant its own subjects; else everything, and what is another's is passed over. */
function logFilter({ tenant }: Sight, run: RunId | undefined): readonly Subject[] {
  if (run === undefined || tenant === undefined) return [prefixes.log];
  return [runSubject(tenant, run), prefixes.turns({ shard: shardOf(run), tenant, run })];
}

interface Following {
  readonly filter: readonly Subject[];
  readonly after: Revision | Position;
  readonly look: Look;
}

async function follow(
  { bus }: TailParts,
  { onItem, onMissed, isBehind, signal }: TailReader,
  { filter, after, look }: Following,
): Promise<void> {
  let missed = 0;
  for await (const batch of bus.log.tail({ filter, after, signal })) {
    for (const entry of batch) {
      const items = look(entry);
      if (isBehind()) missed += items.length;
      else if (missed > 0) {
        onMissed(missed);
        missed = 0;
      }
      if (missed === 0) for (const item of items) onItem(item);
    }
  }
}

function ofLog({ hidden }: TailParts, sight: Sight, query: TailQuery, entry: LogEntry): BusTailItem[] {
  const { subject, revision, atMs, body } = entry;
  const parsed = parseLogSubject(subject);
  if (parsed === undefined || !sees(sight, parsed.tenant)) return [];
  const { tenant, run } = parsed;
  if (query.run !== undefined && query.run !== run) return [];
  const place = { subject, revision, at: instant(atMs), tenant, run };
  const { charactersMax } = query;
  const withheld = readsOf(sight, tenant) ? {} : ({ withheld: "other_tenant" } as const);
  const show = (text: string) => shownBody(text, { hidden, charactersMax, ...withheld });
  if (parsed.kind === "turn") {
    return query.kinds.has("journals")
      ? [{ kind: "journals", ...place, step: parsed.step, ...show(body) }]
      : [];
  }
  const items: BusTailItem[] = [];
  if (query.kinds.has("commits")) items.push({ kind: "commits", ...place, ...show(body) });
  const commit = parseCommit(body);
  if (!commit.ok) return items;
  if (query.kinds.has("inputs")) {
    for (const input of commit.commit.inputs) {
      items.push({ kind: "inputs", ...place, id: input.id, ...show(JSON.stringify(input)) });
    }
  }
  if (!query.kinds.has("tasks")) return items;
  for (const command of commit.commit.commands) {
    if (command.kind !== "dispatch_task" && command.kind !== "stop_task") continue;
    if (query.pool !== undefined && (command.kind !== "dispatch_task" || command.pool !== query.pool))
      continue;
    const id = `${tenant}:${run}:${command.input}:${command.n}`;
    items.push({ kind: "tasks", ...place, id, step: command.step, ...show(JSON.stringify(command)) });
  }
  return items;
}

function ofTele({ hidden }: TailParts, sight: Sight, query: TailQuery, entry: LogEntry): BusTailItem[] {
  const { subject, revision, atMs, body } = entry;
  const tenant = subject.split(".")[2] ?? "";
  // Lines of the whole installation belong to nobody: they are for whoever looks over all of it.
  if (!sees(sight, tenant) || (query.run !== undefined && !body.includes(query.run))) return [];
  const withheld = readsOf(sight, tenant) ? {} : ({ withheld: "other_tenant" } as const);
  const shown = shownBody(body, { hidden, charactersMax: query.charactersMax, ...withheld });
  return [{ kind: "telemetry", subject, revision, at: instant(atMs), tenant, ...shown }];
}

function ofDead({ hidden }: TailParts, sight: Sight, query: TailQuery, entry: LogEntry): BusTailItem[] {
  const letter = parseLetter(entry);
  if (letter === undefined || !sees(sight, letter.tenant)) return [];
  if (query.pool !== undefined && letter.pool !== query.pool) return [];
  if (query.run !== undefined && letter.of?.run !== query.run) return [];
  const { subject, revision, atMs, body } = entry;
  const { tenant, task, of, step } = letter;
  const withheld = readsOf(sight, tenant) ? {} : ({ withheld: "other_tenant" } as const);
  return [
    {
      kind: "dead",
      subject,
      revision,
      at: instant(atMs),
      tenant,
      id: task,
      ...(of === undefined ? {} : { run: of.run }),
      ...(step === undefined ? {} : { step }),
      ...shownBody(body, { hidden, charactersMax: query.charactersMax, ...withheld }),
    },
  ];
}
