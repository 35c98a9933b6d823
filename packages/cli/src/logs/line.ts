/** A record on its way into one order with others. */
import type { LogRecord } from "@agentflow/protocol";

export interface Line {
  readonly record: LogRecord;
  /**
   * What it is to the run or attempt that it names: its beginning (a run starts, an attempt is
   * dispatched), its
   * end (the outcome is in the run's history), something said between the two, or none of these.
   */
  readonly role: "begins" | "between" | "ends" | "none";
  /** It is there for the order alone. */
  readonly hidden?: true;
}

/** Lines of one lane never change their order: of one process, of one run's history. */
export function laneOf({ record, role }: Line): string {
  const { writer, worker, source, name, run } = record;
  if (isOfHistory(record) && role !== "between") return `run ${run ?? ""}`;
  return writer ?? `${worker ?? source} ${source === "container" ? (name ?? "") : ""}`;
}

/** Under which a line is a cause or an effect of others: its run, its attempt. */
export function keysOf({ record, role }: Line): readonly string[] {
  const { run, step, attempt } = record;
  if (role === "none" || run === undefined) return [];
  const one = step === undefined || attempt === undefined ? undefined : `${run} ${step} ${attempt}`;
  if (role !== "between") return [one ?? run];
  return one === undefined ? [run] : [run, one];
}

/** What a process said: about a run, then it lies between that run's beginning and end. */
export function lineOf(record: LogRecord): Line {
  const isTold = record.run !== undefined && record.source !== "control-plane" && record.source !== "bus";
  return { record, role: isTold ? "between" : "none" };
}

/** Lines made from a run's history have no number: no process wrote them. */
function isOfHistory({ source, run, writer }: LogRecord): boolean {
  return (source === "control-plane" || source === "bus") && run !== undefined && writer === undefined;
}
