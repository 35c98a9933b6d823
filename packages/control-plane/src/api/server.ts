/** Listens: HTTP and the socket on one port, with limits on everything a stranger could make endless. */
import type { HttpBindings } from "@hono/node-server";
import { getRequestListener } from "@hono/node-server";
import { AgentFlowError, socketLimits } from "@agentflow/protocol";
import { type IncomingMessage, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Knock } from "../auth/gate.ts";
import { errorAnswer } from "./answers.ts";
import { type AppOptions, createApp } from "./app.ts";
import { serveSocket } from "./socket.ts";

export interface ServerOptions extends AppOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface ApiServer {
  readonly url: string;
  readonly port: number;
  /** No new connections; what is being answered may finish within `withinMs`. */
  close(withinMs: number): Promise<void>;
}

/** Starts to listen. A port that is taken is `conflict` with the port in its details. */
export async function startServer(options: ServerOptions): Promise<ApiServer> {
  const app = createApp(options);
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 60_000, keepAliveTimeout: 65_000, maxHeaderSize: 16 * 1024 },
    getRequestListener((request: Request, env: unknown) => app.fetch(request, env as HttpBindings)),
  );
  // A start may wait a minute for its end: that is the answer's time, not the request's.
  server.timeout = 0;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: socketLimits.frameBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has("agentflow") ? "agentflow" : false),
  });
  server.on("upgrade", (request, socket, head) => void upgrade({ request, socket, head, sockets }, options));
  const port = await listen(server, options);
  const shownHost = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${shownHost}:${port}`,
    port,
    async close(withinMs) {
      for (const client of sockets.clients) client.close(1001, "the control plane stops");
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const force = setTimeout(() => server.closeAllConnections(), withinMs);
      server.closeIdleConnections();
      await closed;
      clearTimeout(force);
      for (const client of sockets.clients) client.terminate();
    },
  };
}

function listen(server: Server, { host, port }: ServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const taken = "code" in error && error.code === "EADDRINUSE";
      reject(
        taken
          ? new AgentFlowError("conflict", `port ${port} on ${host} is in use`, {
              reason: "port_in_use",
              details: { port, host },
              suggestions: ["choose another with --port", "af doctor names who holds it"],
              cause: error,
            })
          : AgentFlowError.from(error, "listening"),
      );
    });
    server.listen(port, host, () => {
      const address: AddressInfo | string | null = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

async function upgrade(
  of: { request: IncomingMessage; socket: Duplex; head: Buffer; sockets: WebSocketServer },
  options: ServerOptions,
): Promise<void> {
  const { request, socket, head, sockets } = of;
  socket.on("error", () => socket.destroy());
  try {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname !== "/v1/socket") throw new AgentFlowError("not_found", "there is no socket here");
    const knock = knockOf(request);
    options.gate.checkAddress(knock);
    const principal = await options.gate.identify(knock);
    sockets.handleUpgrade(request, socket, head, (client) =>
      serveSocket(client, { engine: options.services.engine, principal, log: options.log }),
    );
  } catch (error) {
    const { status, text } = errorAnswer(error);
    const bytes = Buffer.byteLength(text);
    socket.end(
      `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\nconnection: close\r\n\r\n${text}`,
    );
  }
}

function knockOf({ headers }: IncomingMessage): Knock {
  return {
    host: headers.host,
    origin: headers.origin,
    authorization: headers.authorization,
    protocols: headers["sec-websocket-protocol"],
  };
}
