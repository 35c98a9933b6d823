/** Listens: HTTP and the socket on one port, with limits on everything a stranger could make endless. */
import { getRequestListener } from "@hono/node-server";
import { AgentFlowError } from "@agentflow/protocol";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { endWith, errorAnswer, jsonHeaders } from "./answers.ts";
import { type AppOptions, createApp } from "./app.ts";
import { type ServerLimits, serverLimits } from "./limits.ts";
import { createSockets } from "./sockets.ts";

export interface ServerOptions extends Omit<AppOptions, "limits" | "stopping"> {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly limits?: Partial<ServerLimits>;
}

export interface ApiServer {
  readonly url: string;
  readonly port: number;
  /** No new connections; waits and streams are given up; the rest may finish within `withinMs`. */
  close(withinMs: number): Promise<void>;
}

const idleEveryMs = 20;

/** Starts to listen. A port that is taken is `conflict` with the port in its details. */
export async function startServer(options: ServerOptions): Promise<ApiServer> {
  const limits = { ...serverLimits, ...options.limits };
  const stop = new AbortController();
  const within = { ...options, limits, stopping: stop.signal };
  const app = createApp(within);
  const listener = getRequestListener((request, env) => app.fetch(request, env), {
    errorHandler: (error) => {
      const { status, text } = errorAnswer(invalidHttp(error));
      return new Response(text, { status, headers: jsonHeaders });
    },
  });
  const server = createServer(nodeOptions(limits), (request, response) => {
    // Who comes again while we stop shall come over another connection, to whoever listens then.
    if (stop.signal.aborted) response.setHeader("connection", "close");
    void listener(request, response);
  });
  // A start may wait a minute for its end: that is the answer's time, not the request's.
  server.timeout = 0;
  server.maxConnections = limits.connectionsMax;
  server.on("clientError", (error, socket) => refuseBytes(error, socket));
  const sockets = createSockets(within);
  server.on("upgrade", (request, socket, head) => void sockets.upgrade(request, socket, head));
  const port = await listen(server, options);
  const shownHost = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${shownHost}:${port}`,
    port,
    async close(withinMs) {
      stop.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const force = setTimeout(() => server.closeAllConnections(), withinMs);
      // A connection whose stream or wait was just ended is idle a moment later.
      const idle = setInterval(() => server.closeIdleConnections(), idleEveryMs);
      await Promise.all([closed, sockets.close(withinMs)]);
      clearTimeout(force);
      clearInterval(idle);
    },
  };
}

function nodeOptions(limits: ServerLimits) {
  return {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    // How often Node looks: a limit is kept to within a quarter of itself.
    connectionsCheckingInterval: Math.max(100, Math.min(limits.headersTimeoutMs / 4, 5_000)),
    keepAliveTimeout: 65_000,
    maxHeaderSize: limits.headerBytesMax,
    // Clients that offer h2c get HTTP/1.1, as if they had not.
    shouldUpgradeCallback: ({ headers }: { headers: { upgrade?: string | undefined } }) =>
      headers.upgrade?.toLowerCase() === "websocket",
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

/** Bytes that are no request, too much of a head, or a head that does not come: answered, then closed. */
function refuseBytes(error: Error, socket: Duplex): void {
  if (!socket.writable || ("code" in error && error.code === "ECONNRESET")) {
    socket.destroy();
    return;
  }
  endWith(socket, invalidHttp(error));
}

function invalidHttp(error: unknown): AgentFlowError {
  if (AgentFlowError.is(error)) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "HPE_HEADER_OVERFLOW") {
    return new AgentFlowError("invalid_input", "the head of the request is too large", {
      reason: "headers_too_large",
    });
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return new AgentFlowError("timeout", "the request did not come in time", { reason: "request_timeout" });
  }
  return new AgentFlowError("invalid_input", "that is not a request of HTTP/1.1", { reason: "invalid_http" });
}
