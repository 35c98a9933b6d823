/**
 * A door through an engine: a port of this machine whose requests reach the first control plane's container
 * that answers, by relays that the engine runs in it. So the API of an engine elsewhere needs no open port.
 */
import { AgentFlowError } from "@agentflow/protocol";
import type Docker from "dockerode";
import http from "node:http";
import type { Socket } from "node:net";
import { type Duplex, PassThrough } from "node:stream";
import type { Door } from "../door.ts";
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
    const agent = new InsideAgent(engine, options);
    const server = http.createServer((request, response) => {
      if (!isMeant(request)) refuse(response);
      else pass(request, response, { agent, port });
    });
    server.on("upgrade", (request: http.IncomingMessage, socket: Socket, head: Buffer) => {
      if (isMeant(request)) upgrade(request, { socket, head, agent, port });
      else socket.destroy();
    });
    const sockets = new Set<Socket>();
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    const local = await listening(server);
    return {
      url: `http://127.0.0.1:${local}`,
      async close() {
        // Also those that speak another protocol by now.
        for (const socket of sockets) socket.destroy();
        await new Promise<void>((resolve) => server.close(() => resolve()));
        agent.destroy();
        engine.close();
      },
    };
  } catch (error) {
    engine.close();
    throw error;
  }
}

/** A container that was replaced meanwhile is found anew: each connection looks for itself. */
class InsideAgent extends http.Agent {
  readonly #engine: Engine;
  readonly #options: DoorOptions;
  readonly #open = new Set<Duplex>();

  constructor(engine: Engine, options: DoorOptions) {
    super({ keepAlive: true, maxSockets: 64 });
    this.#engine = engine;
    this.#options = options;
  }

  override createConnection(
    _: http.ClientRequestArgs,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    void this.#hand(done ?? (() => undefined));
  }

  override destroy(): void {
    super.destroy();
    for (const stream of this.#open) stream.destroy();
  }

  async #hand(done: (error: Error | null, stream: Duplex) => void): Promise<void> {
    let stream: Duplex;
    try {
      stream = await this.#connect();
    } catch (error) {
      // The stream is not looked at when there is an error.
      done(error instanceof Error ? error : new Error(String(error)), ended());
      return;
    }
    done(null, stream);
  }

  async #connect(): Promise<Duplex> {
    const { id, port } = await controlPlane(this.#engine, this.#options);
    const stream = await this.#engine.ask("opening a way to the API", (docker) => {
      return connectInside(docker.getContainer(id), port);
    });
    this.#open.add(stream);
    stream.on("close", () => this.#open.delete(stream));
    return stream;
  }
}

interface Inside {
  readonly agent: http.Agent;
  readonly port: number;
}

/** The API's own guard cannot see it, so the door holds pages that rebind a name to this machine off. */
function isMeant({ headers, socket }: http.IncomingMessage): boolean {
  const { host } = headers;
  return host === `127.0.0.1:${socket.localPort}` || host === `localhost:${socket.localPort}`;
}

function refuse(response: http.ServerResponse): void {
  response.writeHead(403).end();
}

/** Inside, the API goes by its own name. */
function asked(request: http.IncomingMessage, { agent, port }: Inside): http.ClientRequest {
  const { method = "GET", url = "/", headers } = request;
  const host = `127.0.0.1:${port}`;
  return http.request({ host: "127.0.0.1", port, agent, method, path: url, headers: { ...headers, host } });
}

function pass(request: http.IncomingMessage, response: http.ServerResponse, inside: Inside): void {
  const inner = asked(request, inside);
  inner.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    response.flushHeaders();
    answer.pipe(response);
    answer.on("error", () => response.destroy());
  });
  // Whoever asks sees a connection that broke, as without a door, and asks again.
  inner.on("error", () => response.destroy());
  response.on("close", () => inner.destroy());
  request.pipe(inner);
}

function upgrade(
  request: http.IncomingMessage,
  of: Inside & { readonly socket: Socket; readonly head: Buffer },
): void {
  const { socket, head } = of;
  const inner = asked(request, of);
  inner.on("upgrade", (answer, stream, first) => {
    const lines = answer.rawHeaders.flatMap((name, at) =>
      at % 2 === 0 ? [`${name}: ${answer.rawHeaders[at + 1]}`] : [],
    );
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
    socket.write(first);
    stream.write(head);
    socket.pipe(stream).pipe(socket);
    stream.on("error", () => socket.destroy());
    stream.on("close", () => socket.destroy());
    socket.on("close", () => stream.destroy());
  });
  inner.on("response", (answer) => {
    socket.write(
      `HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ""}\r\nconnection: close\r\n\r\n`,
    );
    answer.pipe(socket);
  });
  inner.on("error", () => socket.destroy());
  socket.on("error", () => inner.destroy());
  inner.end();
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

function ended(): Duplex {
  return new PassThrough().destroy();
}

function listening(server: http.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address === "object" && address !== null) resolve(address.port);
      else reject(new Error("the port is unknown"));
    });
  });
}
