/**
 * What a journal says, folded anew and held to what any journal must be. Written apart from the core: it
 * shares no code with it, only the shape of the records.
 */
import type { LogEntry } from "@agentflow/bus";
import {
  type CallPart,
  type CallResolved,
  type CallStarted,
  type JournalRecord,
  type ModelCalled,
  type ModelFailed,
  type ModelReplied,
  parseLogSubject,
  type TurnEvent,
} from "@agentflow/protocol";
import { parseStoredRecord } from "./parse-stored.ts";

export interface StoredRecord {
  readonly revision: number;
  readonly atMs: number;
  readonly record: JournalRecord;
}

/** An event with where it stands: its number within the journal, and when its record was stored. */
export interface Placed<E> {
  readonly event: E;
  readonly place: number;
  readonly atMs: number;
  readonly attempt: number;
}

export interface CallFacts {
  readonly id: string;
  readonly part: CallPart;
  readonly starts: Placed<CallStarted>[];
  readonly resolutions: CallResolved[];
  /** `open` until it is known what became of it, or that it will not be made. */
  stage: "open" | "asked" | "approved" | "under_way" | "lost" | "suspended" | "unknown" | "settled";
  /** What the model is told; undefined until it is settled. */
  result: { readonly kind: TurnEvent["kind"]; readonly event: TurnEvent } | undefined;
  approvedHash: string | undefined;
}

export interface ModelFacts {
  readonly called: Placed<ModelCalled>;
  end: "replied" | "failed" | "lost" | undefined;
  replied: ModelReplied | undefined;
  failed: ModelFailed | undefined;
  lostAt: string;
}

export interface Journal {
  readonly run: string;
  readonly step: string;
  readonly records: readonly StoredRecord[];
  readonly faults: string[];
  readonly models: ModelFacts[];
  readonly calls: Map<string, CallFacts>;
  /** Ids of the calls of each reply, in order. */
  readonly replies: { readonly said: ModelReplied; readonly place: number; readonly calls: string[] }[];
  readonly attempts: number[];
  started: boolean;
  finished: boolean;
  failed: { readonly retryable: boolean; readonly attempt: number } | undefined;
}

/** Journals by `<run> <step instance>`. */
export function readJournals(entries: readonly LogEntry[]): Map<string, Journal> {
  const stored = new Map<string, { run: string; step: string; records: StoredRecord[] }>();
  for (const { subject, revision, atMs, body } of entries) {
    const parsed = parseLogSubject(subject);
    if (parsed?.kind !== "turn") continue;
    const { run, step } = parsed;
    const key = `${run} ${step}`;
    const known = stored.get(key) ?? { run, step, records: [] };
    stored.set(key, known);
    known.records.push({ revision, atMs, record: parseStoredRecord(body) });
  }
  return new Map([...stored].map(([key, of]) => [key, readJournal(of)]));
}

function readJournal(of: { run: string; step: string; records: readonly StoredRecord[] }): Journal {
  const journal: Journal = {
    ...of,
    faults: [],
    models: [],
    calls: new Map(),
    replies: [],
    attempts: [],
    started: false,
    finished: false,
    failed: undefined,
  };
  let [place, revision] = [0, 0];
  for (const stored of of.records) {
    if (stored.revision <= revision) journal.faults.push(`record ${stored.revision} is out of order`);
    revision = stored.revision;
    readOwner(journal, stored.record);
    for (const event of stored.record.events) {
      const { atMs, record } = stored;
      readEvent(journal, { event, place: place++, atMs, attempt: record.attempt });
    }
  }
  return journal;
}

/** Whoever wrote before finds the journal moved on: no record of an older attempt behind a newer one. */
function readOwner({ attempts, faults }: Journal, { attempt, events }: JournalRecord): void {
  const last = attempts.at(-1) ?? 0;
  const [first, ...rest] = events;
  if (first === undefined) faults.push("a record without events");
  if (attempt < last) faults.push(`a record of attempt ${attempt} behind one of attempt ${last}`);
  const takes = first?.kind === "attempt_took_over";
  if (attempt !== last && !takes) faults.push(`attempt ${attempt} writes without having taken over`);
  if (takes && first.attempt !== attempt) faults.push(`attempt ${attempt} takes over as ${first.attempt}`);
  if (rest.some(({ kind }) => kind === "attempt_took_over")) faults.push("a takeover inside of a record");
  if (attempt !== last) attempts.push(attempt);
}

type Any = Placed<TurnEvent>;

function readEvent(journal: Journal, at: Any): void {
  const { event } = at;
  const say = (what: string): void => void journal.faults.push(`${what} (${event.kind} at ${at.place})`);
  if (event.kind === "attempt_took_over") return takeOver(journal, at.attempt);
  if (journal.finished || journal.failed !== undefined) say("nothing comes after the end");
  if (event.kind === "agent_started") {
    if (journal.started) say("a loop starts once");
    journal.started = true;
    return;
  }
  if (!journal.started) say("nothing comes before the start");
  switch (event.kind) {
    case "model_called":
      return readAsked(journal, { ...at, event }, say);
    case "model_replied":
    case "model_failed":
    case "model_lost":
      return readModelEnd(journal, { ...at, event }, say);
    case "reply_rejected":
      if (journal.replies.at(-1)?.said.turn !== event.turn) say("it is not the last reply that is rejected");
      return;
    case "agent_finished":
      journal.finished = true;
      if (hasOpen(journal)) say("it finishes while something is open");
      return;
    case "agent_failed":
      journal.failed = { retryable: event.retryable, attempt: at.attempt };
      return;
    default:
      return readCall(journal, { ...at, event }, say);
  }
}

/** Sub-agents that wait are called again by each attempt; a failure that may be tried again is no end. */
function takeOver(journal: Journal, attempt: number): void {
  for (const call of journal.calls.values()) if (call.stage === "suspended") call.stage = "under_way";
  const { failed } = journal;
  if (failed?.retryable === true && attempt > failed.attempt) journal.failed = undefined;
}

function hasOpen({ calls, models }: Journal): boolean {
  const asking = models.at(-1);
  const isAsking = asking !== undefined && asking.end === undefined;
  return isAsking || [...calls.values()].some(({ stage }) => stage !== "settled");
}

type Say = (what: string) => void;

function readAsked(journal: Journal, called: Placed<ModelCalled>, say: Say): void {
  const { n, turn } = called.event;
  if (n !== journal.models.length + 1) say(`model call ${n} out of order`);
  if (turn !== journal.replies.length + 1) say(`turn ${turn} out of order`);
  if (hasOpen(journal)) say("the model is asked while something is open");
  journal.models.push({ called, end: undefined, replied: undefined, failed: undefined, lostAt: "" });
}

type ModelEnd = Extract<TurnEvent, { kind: "model_replied" | "model_failed" | "model_lost" }>;

function readModelEnd(journal: Journal, { event, place }: Placed<ModelEnd>, say: Say): void {
  const asked = journal.models.at(-1);
  if (asked?.called.event.n !== event.n || asked.end !== undefined)
    return say(`model call ${event.n} is not under way`);
  asked.end = event.kind === "model_replied" ? "replied" : event.kind === "model_failed" ? "failed" : "lost";
  if (event.kind === "model_failed") asked.failed = event;
  if (event.kind === "model_lost") asked.lostAt = event.at;
  if (event.kind !== "model_replied") return;
  asked.replied = event;
  if (event.turn !== journal.replies.length + 1) say(`the reply of turn ${event.turn} out of order`);
  const calls: string[] = [];
  for (const part of event.reply.parts) {
    if (part.kind !== "call") continue;
    const id = `${event.turn}-${calls.length + 1}`;
    calls.push(id);
    journal.calls.set(id, {
      id,
      part,
      starts: [],
      resolutions: [],
      stage: "open",
      result: undefined,
      approvedHash: undefined,
    });
  }
  journal.replies.push({ said: event, place, calls });
}

type CallEvent = Extract<TurnEvent, { call: string }>;

function readCall(journal: Journal, at: Placed<CallEvent>, say: Say): void {
  const { event } = at;
  const call = journal.calls.get(event.call);
  if (call === undefined) return say(`nobody asked for the call ${event.call}`);
  const { stage } = call;
  if (!mayFollow(call, event)) say(`call ${event.call} was ${stage}`);
  switch (event.kind) {
    case "call_asked":
      call.stage = "asked";
      return;
    case "call_answered":
      call.stage = "approved";
      return;
    case "call_started":
      call.stage = "under_way";
      call.starts.push({ ...at, event });
      return;
    case "call_lost":
      call.stage = "lost";
      return;
    case "call_suspended":
      call.stage = "suspended";
      return;
    case "call_unknown":
      call.stage = "unknown";
      return;
    case "call_resolved":
      call.resolutions.push(event);
      if (event.as === "retry") return void (call.stage = "lost");
      break;
    default:
      break;
  }
  call.stage = "settled";
  call.result = { kind: event.kind, event };
}

/** After which stages an event may come. A call that was lost too often fails without being made again. */
const follows: { readonly [kind in CallEvent["kind"]]: readonly CallFacts["stage"][] } = {
  call_refused: ["open", "approved"],
  call_asked: ["open"],
  call_answered: ["asked"],
  call_started: ["open", "approved", "lost"],
  call_returned: ["under_way"],
  call_failed: ["under_way", "lost", "open"],
  call_lost: ["under_way"],
  call_suspended: ["under_way"],
  call_unknown: ["under_way"],
  call_resolved: ["unknown"],
  handed_off: ["open"],
};

function mayFollow({ stage, part }: CallFacts, { kind }: CallEvent): boolean {
  // An agent that cannot take over has not been called.
  if (kind === "call_failed" && stage === "open" && !part.tool.startsWith("transfer_to_")) return false;
  return follows[kind].includes(stage);
}
