/** All that is known of a run, and its events in the order in which they were written. */
import type {
  Instant,
  JournalView,
  LogRecord,
  Plan,
  RunEvent,
  RunEventView,
  RunView,
  SpanRecord,
  TurnEvent,
  WhyAnswer,
} from "@agentflow/protocol";

export interface Recording {
  /** As it stood when it was read. */
  readonly run: RunView;
  /** Absent when it is not stored any more: then only steps that began are known. */
  readonly plan?: Plan;
  readonly events: readonly RunEventView[];
  readonly journals: readonly JournalView[];
  readonly telemetry: readonly (LogRecord | SpanRecord)[];
  readonly why?: WhyAnswer;
  /** Where it was read from, for the title. */
  readonly from: string;
}

/** One event of the run or of a journal. `n` is its number in the list, from 1. */
export type Entry = {
  readonly n: number;
  readonly revision: number;
  readonly at: Instant;
  readonly step?: string;
} & (
  | { readonly of: "run"; readonly event: RunEvent }
  /** Of the journal of `step`. */
  | { readonly of: "journal"; readonly event: TurnEvent; readonly attempt: number; readonly step: string }
);

type Unnumbered = Entry extends infer E ? (E extends Entry ? Omit<E, "n"> : never) : never;

/** In log order: a run and its journals lie in one lane, so their revisions can be compared. */
export function entriesOf({ events, journals }: Pick<Recording, "events" | "journals">): readonly Entry[] {
  const all: { readonly index: number; readonly entry: Unnumbered }[] = [];
  for (const { revision, n, event } of events) {
    const step = "step" in event ? event.step : undefined;
    const entry = { revision, at: event.at, of: "run" as const, event };
    all.push({ index: n, entry: step === undefined ? entry : { ...entry, step } });
  }
  for (const { revision, step, record } of journals) {
    for (const [index, event] of record.events.entries()) {
      const { attempt } = record;
      all.push({ index, entry: { revision, at: event.at, of: "journal", event, attempt, step } });
    }
  }
  return all
    .toSorted((a, b) => a.entry.revision - b.entry.revision || a.index - b.index)
    .map(({ entry }, i) => ({ ...entry, n: i + 1 }));
}
