/**
 * A door through an engine: a port of this machine whose requests reach the first control plane's container
 * that answers, by relays that the engine runs in it. So the API of an engine elsewhere needs no open port.
 */
import { AgentFlowError } from "@agentflow/protocol";
import type Docker from "dockerode";
import type { Duplex } from "node:stream";
import { type Door, openProxy } from "../door/index.ts";
import { labels } from "../model/names.ts";
import type { EngineAddress } from "./engine/address.ts";
import { type Engine, openEngine } from "./engine/open.ts";
import { connectInside } from "./relay.ts";

export interface DoorOptions {
  readonly engine: EngineAddress;
  /** The project's name, as in the labels. */
  readonly project: string;
  readonly target: string;
}

/** Where the API listens within its container, unless the image says otherwise. */
const defaultPort = 4180;

/** Refuses when the engine does not answer or no control plane runs on it. Whoever opens it closes it. */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const engine = await openEngine(options.engine);
  try {
    const { port } = await controlPlane(engine, options);
    // A container that was replaced meanwhile is found anew: each connection looks for itself.
    const connect = async (): Promise<Duplex> => {
      const first = await controlPlane(engine, options);
      return engine.ask("opening a way to the API", (docker) => {
        return connectInside(docker.getContainer(first.id), first.port);
      });
    };
    return await openProxy({ connect, port, close: () => engine.close() });
  } catch (error) {
    engine.close();
    throw error;
  }
}

/** The first copy that runs; the healthy before the others. */
async function controlPlane(engine: Engine, of: DoorOptions): Promise<{ id: string; port: number }> {
  const { project, target } = of;
  const label = [
    `${labels.project}=${project}`,
    `${labels.target}=${target}`,
    `${labels.part}=control-plane`,
  ];
  const found = await engine.ask("looking for the control plane", (docker) => {
    return docker.listContainers({ filters: { label, status: ["running"] } });
  });
  const rank = ({ Labels: own, Status: status }: Docker.ContainerInfo): number =>
    (status.includes("unhealthy") ? 1_000 : 0) + Number(own[labels.copy] ?? 999);
  const [first] = found.sort((a, b) => rank(a) - rank(b));
  if (first === undefined) {
    throw new AgentFlowError("unavailable", `no control plane of ${project} runs on ${engine.address.host}`, {
      reason: "not_up",
      details: { project, target, host: engine.address.host },
      suggestions: [`af up ${target}`],
    });
  }
  const port = first.Ports.find(({ Type: type }) => type === "tcp")?.PrivatePort ?? defaultPort;
  return { id: first.Id, port };
}
