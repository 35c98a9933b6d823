/** Asks the API of what was just made, on the way that every later command takes. */
import { AgentFlowError } from "@agentflow/protocol";
import { contextPlaces } from "../config/context-places.ts";
import { findContext, tokenOf } from "../config/contexts.ts";
import { needsDoor, openContextDoor } from "../contexts/door.ts";

export interface Answer {
  readonly installation: string;
  readonly version: string;
  readonly workers: number;
  /** Runs by state. */
  readonly runs: Readonly<Record<string, number>>;
}

const patienceMs = 15_000;

/** Refuses with `unavailable` when nobody answers in time. */
export async function askInstallation(dir: string, target: string, retryForMs = patienceMs): Promise<Answer> {
  const places = contextPlaces({ folder: dir, environment: process.env });
  const context = findContext(places, target);
  const door = needsDoor(context) ? await openContextDoor(context) : undefined;
  const token = tokenOf(places, context);
  const urls = door === undefined ? context.urls : [door.url];
  if (urls.length === 0) throw notUp(target);
  const { createClient } = await import("@agentflow/sdk/client");
  const client = createClient({ url: urls, retryForMs, ...(token === undefined ? {} : { token }) });
  try {
    const { installation, version, workers, runs } = await client.status();
    return { installation, version, workers, runs };
  } finally {
    client.close();
    await door?.close();
  }
}

function notUp(target: string): AgentFlowError {
  return new AgentFlowError("unavailable", `${target} is not up`, {
    reason: "not_up",
    suggestions: [`af up ${target}`],
  });
}
