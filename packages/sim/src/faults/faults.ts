/** What can go wrong, each with its end: after the phase of faults nothing of it is left. */
import type { Operation } from "@agentflow/bus/memory";
import type { SeededRandom } from "@agentflow/host/virtual";
import { parseLogSubject } from "@agentflow/protocol";
import type { House } from "../house/house.ts";
import { moments } from "../house/trap.ts";

export const faultKinds = [
  "crash_engine",
  "replace_engine",
  "pause_engine",
  "freeze_engine",
  "stop_engine",
  "crash_worker",
  "crash_runner",
  "pause_worker",
  "partition_engine",
  "partition_worker",
  "disconnect",
  "lost_request",
  "lost_answer",
  "slow_disk",
  "late_answers",
  "restart_queue",
  "repeat_delivery",
  "late_push",
  "lose_watermark",
  "lose_tail",
  "power_cut",
  "trap_worker",
  "trap_runner",
  "lost_append",
] as const;
export type FaultKind = (typeof faultKinds)[number];

interface At {
  readonly house: House;
  readonly dice: SeededRandom;
  /** Calls later, unless the phase of faults is over by then: everything is put right at its end. */
  readonly later: (ms: number, fn: () => void) => void;
}

/** Puts right what the faults left behind: processes run, connections hold, disks are fast. */
export function calm(house: House): void {
  const { faults } = house.bus;
  faults.heal();
  faults.slowDisk(0);
  faults.lateAnswers(0);
  for (const { process } of [...house.engines, ...house.workers.values()]) process.resume();
  for (const { traps } of house.workers.values()) traps.clear();
  // A bus of a single owner at a time: rivals are faults as well.
  if (!house.isShared) for (const old of house.engines.slice(0, -1)) house.killEngine(old);
  house.keepEngines();
  for (const name of house.workerNames) if (!house.workers.has(name)) house.startWorker(name);
}

export function strike(kind: FaultKind, at: At): void {
  const said = acts[kind](at);
  if (said !== undefined) at.house.trace.say("fault", `${kind} ${said}`);
}

const operations: readonly Operation[] = [
  "append",
  "append",
  "read",
  "push",
  "ack",
  "extend",
  "revoke",
  "table_put",
  "blob_put",
  "request",
];

const acts: { readonly [kind in FaultKind]: (at: At) => string | undefined } = {
  crash_engine({ house, dice, later }) {
    const one = dice.pick(house.engines);
    if (one === undefined) return undefined;
    house.killEngine(one);
    later(downMs(dice), () => house.keepEngines());
    return one.process.name;
  },
  /** A new one is started though the old one lives: whoever took it for dead was wrong. */
  replace_engine({ house, dice, later }) {
    const old = house.engines.at(-1);
    if (old === undefined || house.engines.length > 1) return undefined;
    const how = dice.int(3);
    if (how === 0) house.bus.faults.partition(old.process.name);
    if (how === 1) old.process.pause();
    house.hadRivals = true;
    house.startEngine();
    later(shortMs(dice), () => {
      house.bus.faults.heal(old.process.name);
      old.process.resume();
    });
    later(1_000 + dice.int(8_000), () => house.engines.includes(old) && house.killEngine(old));
    return `${old.process.name} (${["cut off", "paused", "still running"][how]})`;
  },
  pause_engine({ house, dice, later }) {
    const one = dice.pick(house.engines);
    if (one === undefined || !one.process.running) return undefined;
    one.process.pause();
    later(shortMs(dice), () => one.process.resume());
    return one.process.name;
  },
  /** Longer than its lease: when it wakes, all that it held is another's. */
  freeze_engine({ house, dice, later }) {
    const one = dice.pick(house.engines);
    if (one === undefined || !one.process.running) return undefined;
    one.process.pause();
    const ms = 5_500 + dice.int(6_000);
    later(ms, () => one.process.resume());
    return `${one.process.name} for ${ms} ms`;
  },
  /** As for an upgrade: it hands over, and another comes in its place. */
  stop_engine({ house, dice, later }) {
    const one = dice.pick(house.engines);
    if (one?.engine === undefined || !one.process.running) return undefined;
    void one.engine.stop().then(() => house.engines.includes(one) && house.killEngine(one));
    later(1_000 + downMs(dice), () => {
      if (house.engines.includes(one)) house.killEngine(one);
      house.keepEngines();
    });
    return one.process.name;
  },
  crash_worker({ house, dice, later }) {
    const name = dice.pick([...house.workers.keys()]);
    if (name === undefined) return undefined;
    house.killWorker(name);
    later(downMs(dice), () => !house.workers.has(name) && house.startWorker(name));
    return name;
  },
  crash_runner({ house, dice }) {
    const one = dice.pick([...house.workers.values()]);
    one?.killRunner();
    return one?.process.name;
  },
  /** It dies the moment that an agent's work comes to a certain point. */
  trap_worker({ house, dice, later }) {
    const name = dice.pick([...house.workers.keys()]);
    const one = name === undefined ? undefined : house.workers.get(name);
    const moment = dice.pick(moments);
    if (name === undefined || one === undefined || moment === undefined) return undefined;
    const spring = (): void => {
      if (house.workers.get(name) !== one) return;
      house.trace.say("fault", `${one.process.name} dies: ${moment}`);
      house.killWorker(name);
      later(downMs(dice), () => !house.workers.has(name) && house.startWorker(name));
    };
    one.traps.lay({ moment, skip: dice.int(4), spring });
    return `${one.process.name} ${moment}`;
  },
  trap_runner({ house, dice }) {
    const one = dice.pick([...house.workers.values()]);
    const moment = dice.pick(moments);
    if (one === undefined || moment === undefined) return undefined;
    one.traps.lay({ moment, skip: dice.int(4), spring: () => one.killRunner() });
    return `${one.process.name} ${moment}`;
  },
  /** Of a worker: a record of a journal, then. */
  lost_append({ house, dice }) {
    const client = dice.pick([...house.workers.values()])?.process.name;
    if (client === undefined) return undefined;
    const when = dice.int(2) === 0 ? "before" : "after";
    house.bus.faults.failNext(dice.int(4) === 0 ? "read" : "append", when, { client });
    return `${when} of ${client}`;
  },
  pause_worker({ house, dice, later }) {
    const one = dice.pick([...house.workers.values()]);
    if (one === undefined || !one.process.running) return undefined;
    one.process.pause();
    later(shortMs(dice), () => one.process.resume());
    return one.process.name;
  },
  partition_engine: ({ house, dice, later }) =>
    partition(dice.pick(house.engines)?.process.name, { house, dice, later }),
  partition_worker: ({ house, dice, later }) =>
    partition(dice.pick([...house.workers.values()])?.process.name, { house, dice, later }),
  disconnect({ house, dice }) {
    const name = anyone({ house, dice });
    if (name !== undefined) house.bus.faults.disconnect(name);
    return name;
  },
  lost_request: (at) => fail("before", at),
  lost_answer: (at) => fail("after", at),
  slow_disk({ house, dice, later }) {
    const ms = 20 + dice.int(500);
    house.bus.faults.slowDisk(ms);
    later(shortMs(dice), () => house.bus.faults.slowDisk(0));
    return `by ${ms} ms`;
  },
  late_answers({ house, dice, later }) {
    const ms = 20 + dice.int(500);
    house.bus.faults.lateAnswers(ms);
    later(shortMs(dice), () => house.bus.faults.lateAnswers(0));
    return `by ${ms} ms`;
  },
  restart_queue({ house }) {
    house.bus.faults.restartQueue();
    return "";
  },
  repeat_delivery({ house, dice }) {
    const task = dice.pick(house.ledger.handedOut.slice(-4));
    return task !== undefined && house.bus.faults.repeatDelivery(task) ? task : undefined;
  },
  /** Also when the faults are over by then: nothing has to be put right after it. */
  late_push({ house, dice }) {
    const pushed = dice.pick(house.ledger.pushed.slice(-8));
    if (pushed === undefined) return undefined;
    const ms = 3_500 + dice.int(4_000);
    house.time.after(ms, () => house.pushLate(pushed));
    return `${pushed.id} by ${ms} ms`;
  },
  lose_watermark({ house }) {
    void loseWatermarks(house);
    return "";
  },
  lose_tail({ house, dice, later }) {
    loseTail(house, 1 + dice.int(6));
    later(downMs(dice), () => house.keepEngines());
    return "";
  },
  power_cut({ house, dice, later }) {
    for (const one of house.engines) house.killEngine(one);
    for (const name of house.workerNames) house.killWorker(name);
    house.bus.faults.restartQueue();
    later(downMs(dice), () => house.keepEngines());
    for (const name of house.workerNames)
      later(downMs(dice), () => !house.workers.has(name) && house.startWorker(name));
    return "";
  },
};

async function loseWatermarks({ bus }: House): Promise<void> {
  for (const { key } of await bus.table.list("watermark.")) await bus.table.delete(key, { expect: "any" });
}

/** The broker loses what it had not on disk; the control planes are started anew, as operations would. */
function loseTail(house: House, count: number): void {
  for (const one of house.engines) house.killEngine(one);
  const dropped = house.bus.faults.dropLogTail(count);
  const runs = new Set<string>();
  for (const subject of dropped) {
    const parsed = parseLogSubject(subject);
    if (parsed !== undefined) runs.add(parsed.run);
  }
  house.ledger.lostTails.push({ atMs: house.time.now(), runs });
  house.trace.say("fault", `lost ${dropped.length} commits of ${[...runs].join(" ")}`);
}

function partition(name: string | undefined, { house, dice, later }: At): string | undefined {
  if (name === undefined) return undefined;
  house.bus.faults.partition(name);
  later(shortMs(dice), () => house.bus.faults.heal(name));
  return name;
}

function fail(when: "before" | "after", { house, dice }: At): string | undefined {
  const client = anyone({ house, dice });
  const operation = dice.pick(operations);
  if (client === undefined || operation === undefined) return undefined;
  house.bus.faults.failNext(operation, when, { client });
  return `${operation} of ${client}`;
}

function anyone({ house, dice }: Pick<At, "house" | "dice">): string | undefined {
  return dice.pick([...house.engines, ...house.workers.values()])?.process.name;
}

/** Around the lease: some are shorter, some longer. */
function shortMs(dice: SeededRandom): number {
  return 50 + dice.int(dice.int(2) === 0 ? 800 : 7_000);
}

function downMs(dice: SeededRandom): number {
  return dice.int(dice.int(2) === 0 ? 200 : 4_000);
}
