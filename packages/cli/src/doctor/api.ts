/** Whether an installation answers, who answers, and whether its bus keeps what it is given. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { nameOfCluster } from "../config/cluster-name.ts";
import { type Context, tokenOf } from "../config/contexts.ts";
import { contextPlaces } from "../config/context-places.ts";
import { refuseOpenToken } from "../config/installation.ts";
import { needsDoor, openContextDoor } from "../contexts/door.ts";
import { newerOf } from "../skew.ts";
import type { Check, Examined } from "./check.ts";

export interface Expected {
  readonly version: string;
  /** How many workers there should be, by pool. */
  readonly workers?: Readonly<Record<string, number>>;
}

export async function apiChecks(context: Context, of: Examined, expected: Expected): Promise<Check[]> {
  let door: Awaited<ReturnType<typeof openContextDoor>> | undefined;
  try {
    door = needsDoor(context) ? await openContextDoor(context) : undefined;
    const urls = door === undefined ? context.urls : [door.url];
    const token = door?.token ?? tokenOf(contextPlaces(of), context);
    const known = token === undefined ? {} : { token };
    for (const url of urls) refuseOpenToken({ url, ...known });
    const { createClient } = await import("@agentflow/sdk/client");
    const client = createClient({ url: urls, retryForMs: 1_000, ...known });
    try {
      const through = door === undefined ? urls.join(", ") : wayText(context);
      return await ask(client, { through, expected, name: context.name });
    } finally {
      client.close();
    }
  } catch (error) {
    return [failed("api", error)];
  } finally {
    await door?.close();
  }
}

function wayText({ engine, cluster }: Context): string {
  if (cluster === undefined) return `its engine (${engine?.host ?? ""})`;
  return `a port that is forwarded into the cluster (${nameOfCluster(cluster)})`;
}

interface Asking {
  readonly through: string;
  readonly expected: Expected;
  readonly name: string;
}

async function ask(client: Client, { through, expected, name }: Asking): Promise<Check[]> {
  const fromMs = performance.now();
  const { version, installation, ready, deadLetters } = await client.status();
  const ms = Math.round(performance.now() - fromMs);
  const fact = `${name} (${installation}) answers at ${through} in ${ms}ms, and the token opens it`;
  const failing = ready?.checks.filter(({ ok }) => !ok) ?? [];
  return [
    { name: "api", state: "good", fact },
    ...versionChecks(version, expected.version),
    ...failing.map(({ name: check, reason }): Check => {
      return {
        name: "ready",
        state: "bad",
        fact: `${check}: ${reason ?? "failed"}`,
        fix: `af logs --context ${name}`,
      };
    }),
    ...(deadLetters > 0
      ? [
          {
            name: "dead letters",
            state: "note",
            fact: `${deadLetters} tasks were given up`,
            fix: `af debug bus dead --context ${name}`,
          } as const,
        ]
      : []),
    await workerCheck(client, expected, name),
    await busCheck(client),
  ];
}

function versionChecks(theirs: string, own: string): Check[] {
  if (theirs === own) return [];
  const fact = `the control plane is af ${theirs}, this is af ${own}`;
  return [{ name: "release", state: "note", fact, fix: `use ${newerOf(theirs, own)} for both` }];
}

async function workerCheck(client: Client, { workers: wanted }: Expected, name: string): Promise<Check> {
  const { items } = await client.workers.list();
  const alive = items.filter((worker) => worker.alive);
  const pools = new Map<string, number>();
  for (const { pool } of alive) pools.set(pool, (pools.get(pool) ?? 0) + 1);
  const missing = Object.entries(wanted ?? {}).filter(([pool, count]) => (pools.get(pool) ?? 0) < count);
  const [first] = missing;
  if (first !== undefined) {
    const [pool, count] = first;
    const fact = `pool ${pool} has ${pools.get(pool) ?? 0} of ${count} workers`;
    return {
      name: "workers",
      state: "bad",
      fact,
      fix: `af logs --context ${name} --level warn; af up ${name}`,
    };
  }
  if (alive.length === 0) return { name: "workers", state: "note", fact: "there is none: nothing can run" };
  const shown = [...pools].map(([pool, count]) => `${count} in ${pool}`).join(", ");
  return { name: "workers", state: "good", fact: shown };
}

/** A real row, there and back; who may not ask for it is told so. */
async function busCheck(client: Client): Promise<Check> {
  try {
    const { writeMs, readMs } = await client.checkBus();
    const fact = `a row was written in ${writeMs}ms and read back in ${readMs}ms, and is gone again`;
    return { name: "bus", state: "good", fact };
  } catch (error) {
    const { code, reason } = AgentFlowError.from(error, "checking the bus");
    if (code === "forbidden")
      return { name: "bus", state: "note", fact: "not tried: the key lacks the scope operator" };
    if (reason === "no_such_path")
      return { name: "bus", state: "note", fact: "not tried: the installation is of a release that cannot" };
    return failed("bus", error);
  }
}

export function failed(name: string, error: unknown): Check {
  const { message, suggestions } = AgentFlowError.from(error, "af doctor");
  const [fix] = suggestions;
  return { name, state: "bad", fact: message, ...(fix === undefined ? {} : { fix }) };
}
