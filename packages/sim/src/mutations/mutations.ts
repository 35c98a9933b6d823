/** What the laws forbid, done on purpose between a process and its ports: the checkers must notice each. */
import type { Bus } from "@agentflow/bus";
import type { Engine } from "@agentflow/control-plane";
import type { Manifest } from "@agentflow/protocol";
import { withoutApproval } from "../workload/agent-manifest.ts";
import { earlyLog } from "./early-log.ts";
import { forgetfulLog } from "./forgetful-log.ts";
import { lateCalls, lateReplies, unfencedJournals } from "./journal-logs.ts";
import { carelessDoor, deafQueue, freshQueue } from "./people-ports.ts";
import { eagerTable, lawlessLog, secretiveLog } from "./ports.ts";

/** Where a mutation sits; what it leaves out stays as it is. */
export interface Broken {
  readonly engineBus?: (bus: Bus) => Bus;
  readonly workerBus?: (bus: Bus) => Bus;
  readonly engineDoor?: (engine: Engine) => Engine;
  readonly manifest?: (manifest: Manifest) => Manifest;
}

const made = {
  "fence-off": { engineBus: (bus) => ({ ...bus, log: lawlessLog(bus.log) }) },
  "commands-early": { engineBus: (bus) => ({ ...bus, log: earlyLog(bus.log) }) },
  "refusals-unwritten": { engineBus: (bus) => ({ ...bus, log: secretiveLog(bus.log) }) },
  "event-skipped": { engineBus: (bus) => ({ ...bus, log: forgetfulLog(bus.log) }) },
  "watermark-ahead": { engineBus: (bus) => ({ ...bus, table: eagerTable(bus) }) },
  "journal-fence-off": { workerBus: (bus) => ({ ...bus, log: unfencedJournals(bus.log) }) },
  "reply-late": { workerBus: (bus) => ({ ...bus, log: lateReplies(bus.log) }) },
  "call-late": { workerBus: (bus) => ({ ...bus, log: lateCalls(bus.log) }) },
  "answers-ignored": { workerBus: (bus) => ({ ...bus, queue: deafQueue(bus.queue) }) },
  "lateness-hidden": { workerBus: (bus) => ({ ...bus, queue: freshQueue(bus.queue) }) },
  "hash-ignored": { engineDoor: carelessDoor },
  "approval-skipped": { manifest: withoutApproval },
} as const satisfies { readonly [name: string]: Broken };

export type Mutation = keyof typeof made;
export const mutationNames = [
  "fence-off",
  "commands-early",
  "refusals-unwritten",
  "event-skipped",
  "watermark-ahead",
  "journal-fence-off",
  "reply-late",
  "call-late",
  "answers-ignored",
  "lateness-hidden",
  "hash-ignored",
  "approval-skipped",
] as const;

export function brokenBy(mutation: Mutation): Broken {
  return made[mutation];
}

export function isMutation(name: string): name is Mutation {
  return name in made;
}
