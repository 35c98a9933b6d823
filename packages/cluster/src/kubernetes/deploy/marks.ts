/** Telling what comes now from what was there before: by counts, never by clocks of two machines. */
import type { JsonObject } from "@agentflow/protocol";
import { numberAt, objectsAt, textAt } from "./reading.ts";
import type { Seen } from "./seen.ts";

/** What was there before, and how long something may look bad before it counts. */
export interface Judging {
  readonly nowMs: number;
  /** Since when each trouble has been seen, by `<pod>/<reason>`; kept between two looks. */
  readonly since: Map<string, number>;
  /** Restarts by `<pod uid>/<container>`, and events by `<uid>`, from before anything was applied. */
  readonly before: ReadonlyMap<string, number>;
  readonly graceMs: number;
}

/** What is there already, so that only what comes now counts. */
export function marksOf({ pods, events }: Seen): Map<string, number> {
  const marks = new Map<string, number>();
  for (const pod of pods) {
    for (const status of containerStatuses(pod)) {
      marks.set(
        `${textAt(pod, "metadata", "uid")}/${textAt(status, "name")}`,
        numberAt(status, "restartCount"),
      );
    }
  }
  for (const event of events) marks.set(textAt(event, "metadata", "uid"), eventCount(event));
  return marks;
}

export function eventCount(event: JsonObject): number {
  return Math.max(1, numberAt(event, "count"), numberAt(event, "series", "count"));
}

export function containerStatuses(pod: JsonObject): readonly JsonObject[] {
  return [
    ...objectsAt(pod, "status", "initContainerStatuses"),
    ...objectsAt(pod, "status", "containerStatuses"),
  ];
}

/** Events about an object that came since the marks were taken, oldest first. */
export function newEvents(
  of: JsonObject,
  { events }: Seen,
  before: ReadonlyMap<string, number>,
): JsonObject[] {
  const uid = textAt(of, "metadata", "uid");
  return events.filter(
    (event) =>
      textAt(event, "involvedObject", "uid") === uid &&
      eventCount(event) > (before.get(textAt(event, "metadata", "uid")) ?? 0),
  );
}
