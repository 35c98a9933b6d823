/** Named mixtures of what goes wrong. A seed picks one unless it is named. */
import type { Nastiness } from "@agentflow/bus/memory";
import type { FaultKind } from "./faults.ts";

export interface Scenario {
  readonly name: string;
  readonly faults: readonly FaultKind[];
  /** Mean time between two faults. */
  readonly everyMs: number;
  readonly weather: Partial<Nastiness>;
  /** How often a client's request, or the answer to it, is lost while faults last. */
  readonly clientLoss: number;
  readonly skewMs: number;
  /** Control planes that share the shards; left out: one owns all. */
  readonly controlPlanes?: 2 | 3;
  /** In how many lanes the log is kept, which nothing orders; one when left out. */
  readonly logs?: number;
  /** All come at once, to few hands: most tasks wait in the log. */
  readonly rush?: boolean;
  /** Workflows ask people, who answer, late, twice, or never. */
  readonly people?: boolean;
  /** Models do some of the work; whoever is asked answers in the end. */
  readonly agents?: boolean;
  /** Two builds work side by side, and workflows turn from one to the other and back. */
  readonly deploys?: boolean;
}

const weather: Partial<Nastiness> = { delayMsMax: 4 };
const wild: Partial<Nastiness> = {
  delayMsMax: 25,
  reorderWithin: 16,
  repeatRate: 0.05,
  staleMs: 200,
  tailBatchMax: 3,
};
const crashes: FaultKind[] = ["crash_engine", "crash_engine", "crash_worker", "crash_runner", "power_cut"];
const network: FaultKind[] = [
  "partition_engine",
  "partition_worker",
  "disconnect",
  "lost_request",
  "lost_answer",
  "lost_answer",
];
const slow: FaultKind[] = ["slow_disk", "late_answers", "pause_engine", "pause_worker", "lost_answer"];
const queue: FaultKind[] = [
  "restart_queue",
  "repeat_delivery",
  "repeat_delivery",
  "lose_watermark",
  "crash_engine",
  "crash_worker",
  "pause_worker",
];
const late: FaultKind[] = [
  "late_push",
  "late_push",
  "late_push",
  "late_push",
  "repeat_delivery",
  "crash_engine",
  "crash_worker",
  "pause_engine",
  "pause_worker",
  "lost_answer",
];
const rivals: FaultKind[] = ["replace_engine", "replace_engine", "lost_answer", "pause_worker"];
const backlog: FaultKind[] = ["crash_engine", "crash_engine", "crash_engine", "lost_request", "crash_worker"];
const leases: FaultKind[] = [
  "freeze_engine",
  "freeze_engine",
  "pause_engine",
  "crash_engine",
  "crash_engine",
  "stop_engine",
  "partition_engine",
  "partition_engine",
  "disconnect",
  "lost_request",
  "lost_answer",
  "late_answers",
  "lose_watermark",
  "restart_queue",
  "crash_worker",
  "pause_worker",
];
const all: FaultKind[] = [...crashes, ...network, ...slow, ...queue, ...rivals];

const agents: FaultKind[] = [
  "trap_worker",
  "trap_worker",
  "trap_worker",
  "trap_runner",
  "trap_runner",
  "crash_worker",
  "crash_runner",
  "pause_worker",
  "partition_worker",
  "lost_append",
  "lost_answer",
  "lost_request",
  "crash_engine",
  "disconnect",
  "restart_queue",
  "repeat_delivery",
  "slow_disk",
  "power_cut",
];

const cornered: FaultKind[] = [
  ...crashes,
  ...queue,
  "lost_request",
  "lost_answer",
  "disconnect",
  "pause_engine",
];

export const scenarios: readonly Scenario[] = [
  { name: "calm", faults: [], everyMs: 1_000, weather: wild, clientLoss: 0, skewMs: 0 },
  { name: "crashes", faults: crashes, everyMs: 1_500, weather, clientLoss: 0.02, skewMs: 200 },
  { name: "network", faults: network, everyMs: 700, weather: wild, clientLoss: 0.15, skewMs: 50 },
  { name: "slow", faults: slow, everyMs: 900, weather: wild, clientLoss: 0.05, skewMs: 50 },
  { name: "queue", faults: queue, everyMs: 900, weather, clientLoss: 0.02, skewMs: 50 },
  { name: "rivals", faults: rivals, everyMs: 1_200, weather, clientLoss: 0.1, skewMs: 200 },
  { name: "everything", faults: all, everyMs: 600, weather: wild, clientLoss: 0.1, skewMs: 500 },
  { name: "people", faults: all, everyMs: 900, weather: wild, clientLoss: 0.1, skewMs: 200, people: true },
  {
    name: "people-pair",
    faults: leases,
    everyMs: 900,
    weather,
    clientLoss: 0.05,
    skewMs: 8_000,
    controlPlanes: 2,
    people: true,
  },
  {
    name: "agents",
    faults: agents,
    everyMs: 500,
    weather: wild,
    clientLoss: 0.05,
    skewMs: 200,
    people: true,
    agents: true,
  },
  {
    name: "agents-pair",
    faults: [...leases, ...agents],
    everyMs: 700,
    weather,
    clientLoss: 0.05,
    skewMs: 8_000,
    controlPlanes: 2,
    people: true,
    agents: true,
  },
  {
    name: "agents-lanes",
    faults: [...agents, ...network],
    everyMs: 600,
    weather: wild,
    clientLoss: 0.05,
    skewMs: 50,
    logs: 3,
    people: true,
    agents: true,
  },
  { name: "late", faults: late, everyMs: 500, weather, clientLoss: 0.02, skewMs: 50 },
  { name: "backlog", faults: backlog, everyMs: 2_000, weather, clientLoss: 0.02, skewMs: 50, rush: true },
  // Clocks are further apart than a lease is long: nobody may compare them.
  { name: "pair", faults: leases, everyMs: 900, weather, clientLoss: 0.05, skewMs: 8_000, controlPlanes: 2 },
  {
    name: "trio",
    faults: leases,
    everyMs: 700,
    weather: wild,
    clientLoss: 0.1,
    skewMs: 8_000,
    controlPlanes: 3,
  },
  {
    name: "lost-tail",
    faults: ["lose_tail", "crash_worker", "lost_answer", "slow_disk"],
    everyMs: 1_500,
    weather,
    clientLoss: 0.02,
    skewMs: 50,
  },
  { name: "lanes", faults: cornered, everyMs: 800, weather: wild, clientLoss: 0.05, skewMs: 200, logs: 3 },
  {
    name: "lanes-pair",
    faults: leases,
    everyMs: 900,
    weather: wild,
    clientLoss: 0.05,
    skewMs: 8_000,
    controlPlanes: 2,
    logs: 4,
  },
  {
    name: "lanes-lost-tail",
    faults: ["lose_tail", "crash_worker", "lost_answer", "slow_disk"],
    everyMs: 1_500,
    weather: wild,
    clientLoss: 0.02,
    skewMs: 50,
    logs: 3,
  },
  {
    name: "deploys",
    faults: all,
    everyMs: 700,
    weather: wild,
    clientLoss: 0.1,
    skewMs: 200,
    people: true,
    deploys: true,
  },
  {
    name: "deploys-pair",
    faults: leases,
    everyMs: 900,
    weather,
    clientLoss: 0.05,
    skewMs: 8_000,
    controlPlanes: 2,
    deploys: true,
  },
];

export function scenarioNamed(name: string): Scenario | undefined {
  return scenarios.find((one) => one.name === name);
}
