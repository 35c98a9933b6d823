/** The door for tasks: what a queue hands out is text until it is read here. */
import { type LogRecord, type Task, isId } from "@agentflow/protocol";

/** The task, or the reason why it is none: such a message goes to the dead letters. */
export function parseTask(body: string): Task | string {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return "not_json";
  }
  if (typeof value !== "object" || value === null) return "not_a_task";
  const task = value as Partial<Task>;
  if (task.kind !== "task") return "not_a_task";
  if (task.v !== 1) return "newer_version";
  const ids =
    isId("task", task.id) &&
    isId("tenant", task.tenant) &&
    isId("run", task.run) &&
    isId("step instance", task.step);
  if (!ids || typeof task.attempt !== "number" || typeof task.uses !== "object") return "not_a_task";
  if (typeof task.with !== "object" || task.with === null) return "not_a_task";
  return task as Task;
}

/** A line that our own log wrote a moment ago, as the record it is. */
export function parseLogLine(line: string): LogRecord {
  return JSON.parse(line) as LogRecord;
}
