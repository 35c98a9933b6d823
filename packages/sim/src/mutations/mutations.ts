/** What the laws forbid, done on purpose between an engine and its bus: the checkers must notice each. */
import type { Bus } from "@agentflow/bus";
import { earlyLog } from "./early-log.ts";
import { forgetfulLog } from "./forgetful-log.ts";
import { eagerTable, lawlessLog, secretiveLog } from "./ports.ts";

const made = {
  "fence-off": (bus: Bus): Bus => ({ ...bus, log: lawlessLog(bus.log) }),
  "commands-early": (bus: Bus): Bus => ({ ...bus, log: earlyLog(bus.log) }),
  "refusals-unwritten": (bus: Bus): Bus => ({ ...bus, log: secretiveLog(bus.log) }),
  "event-skipped": (bus: Bus): Bus => ({ ...bus, log: forgetfulLog(bus.log) }),
  "watermark-ahead": (bus: Bus): Bus => ({ ...bus, table: eagerTable(bus) }),
} as const;

export type Mutation = keyof typeof made;
export const mutationNames = [
  "fence-off",
  "commands-early",
  "refusals-unwritten",
  "event-skipped",
  "watermark-ahead",
] as const;

export function mutate(mutation: Mutation, bus: Bus): Bus {
  return made[mutation](bus);
}

export function isMutation(name: string): name is Mutation {
  return name in made;
}
