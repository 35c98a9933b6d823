import type { PeekedTask, PeekOptions } from "../../port/index.ts";
import type { Task } from "./lane.ts";

/** Looks at every task once: only people ask. */
export function peekAt(tasks: Iterable<Task>, { subject, limit }: PeekOptions): PeekedTask[] {
  const found: PeekedTask[] = [];
  for (const { id, subject: own, body, delivery, taker } of tasks) {
    if (found.length === limit) break;
    if (own !== subject && !(subject.endsWith(".") && own.startsWith(subject))) continue;
    const held = taker === undefined ? {} : { holder: taker.holder };
    const state = taker === undefined ? "waiting" : "leased";
    found.push({ id, subject: own, body, deliveries: delivery, state, ...held });
  }
  return found;
}
