/**
 * The inspector of a worker's runner in a container, on a port of this machine. It listens inside the
 * container alone; what a debugger says travels through the engine.
 */
import { AgentFlowError } from "@agentflow/protocol";
import type Docker from "dockerode";
import { type Door, inspectorPort, inspectorProgram, openTunnel } from "../door/index.ts";
import { demultiplexed } from "./demultiplex.ts";
import type { EngineAddress } from "./engine/address.ts";
import { type Engine, openEngine } from "./engine/open.ts";
import { type Installed, observe } from "./observe.ts";
import { connectInside } from "./relay.ts";

export interface Inspecting extends Installed {
  readonly engine: EngineAddress;
  /** The worker's name, which is that of its part and copy. */
  readonly worker: string;
  /** The port here. */
  readonly port: number;
}

/** Its address is one for a debugger, `ws:`. Refuses when no such container runs or the port is taken. */
export async function openInspector(inspecting: Inspecting): Promise<Door> {
  const engine = await openEngine(inspecting.engine);
  try {
    const id = await workerContainer(engine, inspecting);
    const path = await inspectorPath(engine, id, inspecting.worker);
    const close = await openTunnel({
      port: inspecting.port,
      connect: () => connectInside(engine.docker.getContainer(id), inspectorPort),
    });
    return {
      url: `ws://127.0.0.1:${inspecting.port}${path}`,
      async close() {
        await close();
        engine.close();
      },
    };
  } catch (error) {
    engine.close();
    throw error;
  }
}

async function workerContainer(engine: Engine, of: Inspecting): Promise<string> {
  const { containers } = await observe(engine, of);
  const found = containers.find(({ part, copy }) => `${part}-${copy}` === of.worker);
  if (found?.state === "running") return found.id;
  throw new AgentFlowError("not_found", `no container of ${of.target} runs worker ${of.worker}`, {
    reason: "no_container",
    details: { target: of.target, worker: of.worker },
    suggestions: ["af status", `af up ${of.target}`],
  });
}

async function inspectorPath(engine: Engine, id: string, worker: string): Promise<string> {
  const path = await engine.ask("asking for the inspector", (docker) => said(docker.getContainer(id)));
  if (/^\/[\w-]+$/.test(path)) return path;
  throw new AgentFlowError("unavailable", `worker ${worker} has no runner whose inspector opens`, {
    reason: "no_inspector",
    details: { worker },
    suggestions: [`whether its code loads: af worker inspect ${worker}`, `anew: af restart ${worker}`],
  });
}

async function said(container: Docker.Container): Promise<string> {
  const exec = await container.exec({
    Cmd: ["node", "-e", inspectorProgram],
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: false, Tty: false });
  let text = "";
  await new Promise<void>((resolve, reject) => {
    demultiplexed(stream, { stdout: (bytes) => (text += bytes.toString("utf8")), end: resolve });
    stream.on("error", reject);
  });
  return text;
}
