/**
 * The inspector of a worker's runner in a container, on a port of this machine. It listens inside the
 * container alone; what a debugger says travels through the engine.
 */
import { AgentFlowError } from "@agentflow/protocol";
import type Docker from "dockerode";
import { type Socket, createServer } from "node:net";
import type { Door } from "../door.ts";
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

/** Where Node listens when it is asked by a signal. */
const insidePort = 9229;

/** Asks the newest runner for its inspector and prints the path of it. */
const program = `
const fs = require("fs"), http = require("http");
const runs = (pid) => {
  try { return /\\/runner\\/main\\.[jt]s(\\0|$)/.test(fs.readFileSync("/proc/" + pid + "/cmdline", "utf8")); }
  catch { return false; }
};
const pids = fs.readdirSync("/proc").map(Number).filter((pid) => pid > 0 && runs(pid));
if (pids.length === 0) process.exit(3);
process.kill(Math.max(...pids), "SIGUSR1");
const ask = (left) => {
  const again = () => (left === 0 ? process.exit(4) : setTimeout(ask, 100, left - 1));
  http.get("http://127.0.0.1:${insidePort}/json/list", (answer) => {
    let text = "";
    answer.on("data", (part) => (text += part));
    answer.on("end", () => process.stdout.write(new URL(JSON.parse(text)[0].webSocketDebuggerUrl).pathname));
  }).on("error", again);
};
ask(50);
`;

/** Its address is one for a debugger, `ws:`. Refuses when no such container runs or the port is taken. */
export async function openInspector(inspecting: Inspecting): Promise<Door> {
  const engine = await openEngine(inspecting.engine);
  try {
    const id = await workerContainer(engine, inspecting);
    const path = await inspectorPath(engine, id, inspecting.worker);
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
      void join(engine, id, socket);
    });
    await listening(server, inspecting.port);
    return {
      url: `ws://127.0.0.1:${inspecting.port}${path}`,
      async close() {
        for (const socket of sockets) socket.destroy();
        await new Promise<void>((resolve) => server.close(() => resolve()));
        engine.close();
      },
    };
  } catch (error) {
    engine.close();
    throw error;
  }
}

async function join(engine: Engine, id: string, socket: Socket): Promise<void> {
  try {
    const inside = await connectInside(engine.docker.getContainer(id), insidePort);
    inside.on("error", () => socket.destroy());
    inside.on("close", () => socket.destroy());
    socket.on("close", () => inside.destroy());
    socket.pipe(inside).pipe(socket);
  } catch {
    // Whoever connects sees that nobody is there, as on any port.
    socket.destroy();
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
  const exec = await container.exec({ Cmd: ["node", "-e", program], AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({ hijack: true, stdin: false, Tty: false });
  let text = "";
  await new Promise<void>((resolve, reject) => {
    demultiplexed(stream, { stdout: (bytes) => (text += bytes.toString("utf8")), end: resolve });
    stream.on("error", reject);
  });
  return text;
}

function listening(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      reject(
        new AgentFlowError("conflict", `port ${port} is taken on this machine`, {
          reason: "port_taken",
          details: { port },
          suggestions: ["another one: --port 9300"],
          cause,
        }),
      );
    });
    server.listen(port, "127.0.0.1", () => resolve());
  });
}
