/** Journals that break a promise: nothing is begun before the record that says so is durable. */
import type { Log, Revision } from "@agentflow/bus";
import { type Subject, type TurnEvent, parseLogSubject } from "@agentflow/protocol";
import { parseStoredRecord } from "../checkers/parse-stored.ts";
import { methods } from "./ports.ts";

/** The fence of journals is off: whoever appends last is right. */
export function unfencedJournals(log: Log): Log {
  return {
    ...methods(log),
    append: (subject, body, options) =>
      log.append(subject, body, isTurn(subject) ? { expect: "any" } : options),
  };
}

/** A reply that leads to calls is written with what becomes of them. */
export function lateReplies(log: Log): Log {
  return lateJournals(log, (events) => {
    const calls = events.some((event) => event.kind === "call_started");
    return calls ? events.findIndex(({ kind }) => kind === "model_replied") : -1;
  });
}

/** That a call was begun is written with what becomes of it. */
export function lateCalls(log: Log): Log {
  return lateJournals(log, (events) => events.findIndex(({ kind }) => kind === "call_started"));
}

/** What stands from `cut` on is kept back, and told as stored; it is written before what comes next. */
function lateJournals(log: Log, cut: (events: readonly TurnEvent[]) => number): Log {
  const held = new Map<Subject, { readonly after: Revision; readonly events: readonly TurnEvent[] }>();
  return {
    ...methods(log),
    append: async (subject, body, options) => {
      if (!isTurn(subject) || options.expect === "any") return log.append(subject, body, options);
      const record = parseStoredRecord(body);
      const before = held.get(subject);
      held.delete(subject);
      const mine = before?.after === options.expect ? before.events : [];
      const at = cut(record.events);
      const now = at < 0 ? record.events : record.events.slice(0, at);
      const events = [...mine, ...now];
      const keep = (after: Revision): void => {
        if (at >= 0) held.set(subject, { after, events: record.events.slice(at) });
      };
      if (events.length === 0) {
        keep(options.expect);
        return { ok: true, revision: options.expect };
      }
      const appended = await log.append(subject, JSON.stringify({ ...record, events }), options);
      if (appended.ok) keep(appended.revision);
      return appended;
    },
  };
}

function isTurn(subject: Subject): boolean {
  return parseLogSubject(subject)?.kind === "turn";
}
