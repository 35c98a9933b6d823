/** Whether the target's ports are free on the engine's machine: proved by a container that publishes them. */
import { AgentFlowError } from "@agentflow/protocol";
import { labels } from "../../model/names.ts";
import type { Engine } from "../engine/open.ts";
import { bad, type EngineCheck, good } from "./check.ts";
import type { ExaminedTarget } from "./target.ts";
import { isHere } from "./here.ts";
import type { Trial } from "./trial-container.ts";

export interface PortOptions {
  readonly trial: Trial;
  readonly image: string;
  readonly target: ExaminedTarget;
  readonly holder?: (port: number) => string | undefined;
}

const wait = "setTimeout(() => process.exit(0), 60000)";

export async function portChecks(engine: Engine, options: PortOptions): Promise<EngineCheck[]> {
  const { target } = options;
  const { host, port } = target.settings.api;
  const ports = Array.from({ length: target.settings.controlPlanes }, (_, index) => port + index);
  const holders = await publishers(engine);
  const own = ports.filter((one) => holders.get(one)?.own === stackOf(target));
  const open = ports.filter((one) => !own.includes(one));
  if (open.length === 0) return [good("api port", `${shown(ports)} on ${host} is held by this installation`)];
  const taken: EngineCheck[] = [];
  for (const one of open) {
    const check = await tryPort(one, { ...options, engine, host, publisher: holders.get(one)?.name });
    if (check !== undefined) taken.push(check);
  }
  return taken.length > 0 ? taken : [good("api port", `${shown(open)} on ${host} is free for the API`)];
}

async function tryPort(
  port: number,
  of: {
    readonly trial: Trial;
    readonly image: string;
    readonly target: ExaminedTarget;
    readonly engine: Engine;
    readonly host: string;
    /** The container that publishes it. */
    readonly publisher: string | undefined;
    readonly holder?: (port: number) => string | undefined;
  },
): Promise<EngineCheck | undefined> {
  const { trial, image, host, engine } = of;
  try {
    await trial.start({
      name: `port-${port}`,
      image,
      script: wait,
      args: [],
      publish: { host, ports: [port] },
    });
    return undefined;
  } catch (error) {
    const { message } = AgentFlowError.from(error, "publishing a port");
    const program = isHere(engine) ? of.holder?.(port) : undefined;
    const who = of.publisher === undefined ? program : `container ${of.publisher}`;
    const fact = who === undefined ? message : `${port} on ${host} is held by ${who}`;
    return bad("api port", fact, `api: {port: ${port + 10}} of target ${of.target.name} in agentflow.yaml`);
  }
}

/** Containers by the ports that they publish, and the installation that each is of. */
async function publishers(
  engine: Engine,
): Promise<Map<number, { readonly name: string; readonly own: string }>> {
  const containers = await engine.ask("listing containers", (docker) => docker.listContainers());
  const found = new Map<number, { readonly name: string; readonly own: string }>();
  for (const { Names: names, Labels: own, Ports: ports } of containers) {
    for (const { PublicPort: port } of ports) {
      const name = (names[0] ?? "").replace(/^\//, "");
      if (port !== undefined) found.set(port, { name, own: `${own[labels.project]} ${own[labels.target]}` });
    }
  }
  return found;
}

function stackOf({ project, name }: ExaminedTarget): string {
  return `${project} ${name}`;
}

function shown(ports: readonly number[]): string {
  return ports.length === 1 ? String(ports[0]) : `${ports[0]}-${ports.at(-1)}`;
}
