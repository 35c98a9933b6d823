/**
 * A port of this machine whose HTTP requests go to an API over connections that somebody else opens: through
 * an engine, or through a cluster. Connections are kept and used again; one that breaks is opened anew.
 */
import http from "node:http";
import type { Socket } from "node:net";
import { type Duplex, PassThrough } from "node:stream";
import type { Door } from "./door.ts";

export interface Proxying {
  /** A new way to the API; asked for whenever one more is needed. */
  readonly connect: () => Promise<Duplex>;
  /** Where the API listens within its container: it is spoken to under that name. */
  readonly port: number;
  /** Called once, after the last connection. */
  readonly close: () => void;
}

/** Whoever opens it closes it. */
export async function openProxy(proxying: Proxying): Promise<Door> {
  const { port } = proxying;
  const agent = new InsideAgent(proxying.connect);
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
      proxying.close();
    },
  };
}

class InsideAgent extends http.Agent {
  readonly #connect: Proxying["connect"];
  readonly #open = new Set<Duplex>();
  #isClosed = false;

  constructor(connect: Proxying["connect"]) {
    super({ keepAlive: true, maxSockets: 64 });
    this.#connect = connect;
  }

  override createConnection(
    _: http.ClientRequestArgs,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    void this.#hand(done ?? (() => undefined));
  }

  override destroy(): void {
    this.#isClosed = true;
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
    // It came too late to be ended with the others.
    if (this.#isClosed) stream.destroy();
    this.#open.add(stream);
    stream.on("close", () => this.#open.delete(stream));
    done(null, stream);
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
