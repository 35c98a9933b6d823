/** What the bus tells of itself, as lines of the source `bus`, each with the run it is about. */
import type { BusNote, EmbeddedBus } from "@agentflow/bus/embedded";
import type { Log } from "@agentflow/host/log";
import { isId, splitTaskId } from "@agentflow/protocol";

export interface BusLines {
  readonly take: (note: BusNote) => void;
  /** Says that the bus is open; from here on notes become lines, those that came before first. */
  begin(log: Log, bus: EmbeddedBus): void;
}

/** The bus is open before its log is: what it tells meanwhile waits. */
export function busLines(): BusLines {
  const waiting: BusNote[] = [];
  let log: Log | undefined;
  return {
    take: (note) => void (log === undefined ? waiting.push(note) : say(log, note)),
    begin(to, { kind, durability, writer, fsync }) {
      log = to;
      to.info(`${kind} bus opened: ${durability}`, { writer, fsyncP95Ms: Number(fsync.p95Ms.toFixed(2)) });
      for (const note of waiting.splice(0)) say(to, note);
    },
  };
}

function say(log: Log, note: BusNote): void {
  switch (note.kind) {
    case "taken_over":
      return log.info("recovered: the owner before ended without closing the state", { pid: note.pid });
    case "telemetry_set_aside": {
      const { path, message } = note;
      return log.error(`logs and spans of before are lost: their file is damaged (${message})`, { path });
    }
    case "slow_commits": {
      const { store, count, worstMs } = note;
      return log.warn("commits are slow: the disk takes long", { store, count, worstMs });
    }
    case "commit_failed":
      return log.error(`a commit failed: ${note.message}`, { store: note.store, full: note.full });
    case "commits_again":
      return log.info("commits work again", { store: note.store, failed: note.failed });
    case "queue_full":
      return log.warn("the queue is full: tasks wait in the log", {
        tasks: note.tasks,
        refused: note.refused,
      });
    case "redelivered": {
      const { id, holder, why } = note;
      return ofTask(log, id).info("a task goes to somebody else", { task: id, holder, why });
    }
    case "dead_letter": {
      const { id, reason, deliveries } = note;
      return ofTask(log, id).warn("a task went to the dead letters", { task: id, reason, deliveries });
    }
  }
}

function ofTask(log: Log, id: string): Log {
  if (!isId("task", id)) return log;
  const { tenant, run } = splitTaskId(id);
  return log.child({ tenant, run });
}
