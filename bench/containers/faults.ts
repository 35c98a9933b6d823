/** What is done to the containers, each in its turn; each ends with what was at fault being there again. */
import { setTimeout as delay } from "node:timers/promises";
import { killPid, retry, sleep } from "../lib/children.ts";
import type { Engine } from "./engine.ts";
import type { Box } from "./stack.ts";

export const faultKinds = ["kill", "pause", "cut"] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  readonly part: string;
  /** The container, and for how long it was so. */
  readonly what: string;
  readonly atMs: number;
  readonly ms: number;
}

type Random = () => number;

/** Every kind on every container that is allowed, in an order that the seed decides; then anew. */
export function* deck(
  boxes: readonly Box[],
  random: Random,
  only?: string,
): Generator<readonly [FaultKind, Box], never> {
  const words = only?.split(",");
  const isAllowed = (kind: FaultKind, { part }: Box): boolean =>
    words?.some((word) => [kind, part, `${kind}:${part}`].includes(word)) ?? true;
  const allowed = boxes.flatMap((box) =>
    faultKinds.flatMap((kind) => (isAllowed(kind, box) ? [[kind, box] as const] : [])),
  );
  if (allowed.length === 0)
    throw new Error(`no fault "${only}": say kill, pause, cut, a part, or pause:nats`);
  for (;;) {
    const all = [...allowed];
    while (all.length > 0) {
      const [one] = all.splice(Math.floor(random() * all.length), 1);
      if (one !== undefined) yield one;
    }
  }
}

export async function strike(
  engine: Engine,
  { kind, box }: { readonly kind: FaultKind; readonly box: Box },
  random: Random,
): Promise<Fault> {
  const atMs = Date.now();
  const forMs = await strikes[kind](engine, box, random);
  const what = `${box.name}${forMs === 0 ? "" : ` for ${forMs} ms`}`;
  return { kind, part: box.part, what, atMs, ms: Date.now() - atMs };
}

const strikes: {
  readonly [Kind in FaultKind]: (engine: Engine, box: Box, random: Random) => Promise<number>;
} = { kill, pause, cut };

/**
 * Its first process, as a fault of the program would end it: the engine's own kill counts as a wish, after
 * which nobody starts it again.
 */
async function kill({ docker }: Engine, { name }: Box): Promise<number> {
  const container = docker.getContainer(name);
  const { State } = await container.inspect();
  if (State.Pid > 0) killPid(State.Pid);
  await retry(async () => {
    const { State: now } = await container.inspect();
    if (!now.Running || now.Pid === State.Pid) throw new Error(`${name} was not started again`);
  }, 90_000);
  return 0;
}

/** At times longer than its leases: it comes back and does not know yet that its work is another's. */
async function pause({ docker }: Engine, { name }: Box, random: Random): Promise<number> {
  const ms = between(1_000, 9_000, random);
  const container = docker.getContainer(name);
  // An engine on cgroup v1 may fail to freeze a busy container, and leaves it as it was.
  await retry(() => container.pause(), 30_000);
  await sleep(ms);
  await container.unpause();
  return ms;
}

/** From all others, and from whoever is outside; connected again under its names. */
async function cut({ docker }: Engine, { name }: Box, random: Random): Promise<number> {
  const ms = between(2_000, 10_000, random);
  const { NetworkSettings } = await docker.getContainer(name).inspect();
  const networks = Object.entries(NetworkSettings.Networks);
  for (const [network] of networks) await docker.getNetwork(network).disconnect({ Container: name });
  await sleep(ms);
  for (const [network, { Aliases }] of networks) {
    const names: unknown = Aliases;
    const aliases = Array.isArray(names) ? names.filter((one) => typeof one === "string") : [];
    await docker.getNetwork(network).connect({ Container: name, EndpointConfig: { Aliases: aliases } });
  }
  return ms;
}

/** Until every container says that it is well, as far as it says anything. */
export async function whenWell({ docker }: Engine, boxes: readonly Box[], withinMs = 120_000): Promise<void> {
  await Promise.all(
    boxes.map(({ name }) =>
      retry(async () => {
        const { State } = await docker.getContainer(name).inspect();
        const health = State.Health?.Status;
        if (!State.Running || State.Paused) throw new Error(`${name} does not run`);
        if (health !== undefined && health !== "healthy") throw new Error(`${name} is ${health}`);
        await delay(0);
      }, withinMs),
    ),
  );
}

function between(least: number, most: number, random: Random): number {
  return Math.round(least + random() * (most - least));
}
