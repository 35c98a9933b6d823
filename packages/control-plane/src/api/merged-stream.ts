/** Telemetry and events of runs on one stream, resumed by one cursor that holds the place in both. */
import type { RunEventView, RunId, TenantId } from "@agentflow/protocol";
import type { Engine, TelemetryFilter, TelemetryRecord } from "../engine.ts";
import { showEvent, wholeCommit } from "../projector/cursor.ts";
import type { Pace, Send } from "./sse-writer.ts";

/** Which events stand between the records: those that begin, stop or end a run, or all. */
export type MergedEvents = "runs" | "all";

export interface Merged {
  readonly engine: Engine;
  readonly tenant: TenantId;
  readonly filter: TelemetryFilter;
  readonly events: MergedEvents | undefined;
  readonly runs: readonly RunId[] | "all";
  readonly place: MergedPlace;
  /** Records that come together are one message, `records`, of a list. */
  readonly batch: boolean;
  readonly pace: Pace;
}

/** A part that is missing means from now on; of named runs, from their beginning. */
export interface MergedPlace {
  readonly records?: string;
  readonly events?: string;
}

/** Both parts of a cursor; `behind` is a revision of the log that stands for events no cursor speaks of. */
export function placeOfCursor(
  cursor: string | undefined,
  of: { readonly behind: number | undefined; readonly lanes: number },
): MergedPlace {
  const [records = "", events = ""] = (cursor ?? "").split("~");
  const { behind: revision, lanes } = of;
  const isAsked = events === "" && revision !== undefined;
  const from = isAsked ? showEvent({ revision, n: wholeCommit }, lanes) : events;
  return { ...(records === "" ? {} : { records }), ...(from === "" ? {} : { events: from }) };
}

/** Ends with the signal; the runs' end alone does not end it, for their last records come later. */
export async function sendMerged(of: Merged, send: Send, signal: AbortSignal): Promise<void> {
  const { engine, tenant, filter, place } = of;
  let { records, events } = place;
  const id = (): string => (events === undefined ? (records ?? "") : `${records ?? ""}~${events}`);
  const onLines = (lines: readonly string[], cursor: string): void => {
    records = cursor;
    send({ event: "records", data: `[${lines.join(",")}]`, id: id() });
  };
  const onRecord = (record: TelemetryRecord, cursor: string): void => {
    records = cursor;
    send({ event: "record", data: JSON.stringify(record), id: id() });
  };
  const following = engine.telemetry.follow(
    tenant,
    { ...filter, ...(records === undefined ? {} : { after: records }) },
    {
      onPlace: (cursor) => void (records ??= cursor),
      ...(of.batch ? { onLines } : { onRecord }),
      isBehind: () => of.pace.isBehind,
      ready: () => of.pace.ready(),
      signal,
    },
  );
  if (of.events === undefined) return following;
  const onEvent = (view: RunEventView, cursor: () => string): void => {
    events = cursor();
    if (of.events === "all" || isOfRun(view)) send({ event: "event", data: JSON.stringify(view), id: id() });
  };
  const after = events === undefined ? {} : { after: events };
  await Promise.all([following, engine.runs.follow(tenant, { runs: of.runs, onEvent, signal, ...after })]);
}

function isOfRun({ event }: RunEventView): boolean {
  // What nobody can settle but a person stops its run as an end does.
  return (
    event.kind.startsWith("run_") || event.kind === "step_unknown" || event.kind === "approval_requested"
  );
}
