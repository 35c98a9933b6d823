/** The sockets of one server: let in by the gate, bounded in number, pinged, closed when it stops. */
import { AgentFlowError, socketLimits } from "@agentflow/protocol";
import type { Timers } from "@agentflow/host/clock";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Knock } from "../auth/gate.ts";
import { endWith } from "./answers.ts";
import type { AppOptions } from "./app.ts";
import { refuseCredentials } from "./request.ts";
import { serveSocket } from "./socket.ts";

export interface Sockets {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  /** Says that the server stops, then cuts off whoever is still there after `withinMs`. */
  close(withinMs: number): Promise<void>;
}

export function createSockets(options: AppOptions): Sockets {
  const { limits, metrics, services, log, timers } = options;
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: socketLimits.frameBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has("agentflow") ? "agentflow" : false),
  });
  metrics.gauge({ name: "api_sockets", help: "Open sockets.", read: () => server.clients.size });
  const stopPings = pinging(server, timers, limits.keepAliveMs);
  return {
    async upgrade(request, socket, head) {
      socket.on("error", () => socket.destroy());
      try {
        const principal = await admitted(request, options);
        if (server.clients.size >= limits.socketsMax) throw tooMany(limits.socketsMax);
        server.handleUpgrade(request, socket, head, (client) =>
          serveSocket(client, { engine: services.engine, principal, log, audit: services.audit }),
        );
      } catch (error) {
        refuse(socket, error, options);
      }
    },
    async close(withinMs) {
      stopPings();
      const gone = [...server.clients].map((client) => closed(client));
      for (const client of server.clients) client.close(1001, "the control plane stops");
      const stopForce = timers.after(withinMs, () => terminateAll(server));
      await Promise.all(gone);
      stopForce();
    },
  };
}

async function admitted(request: IncomingMessage, { gate, stopping }: AppOptions) {
  const [path, query = ""] = (request.url ?? "/").split("?", 2);
  const knock = knockOf(request);
  gate.checkAddress(knock);
  if (path !== "/v1/socket") {
    throw new AgentFlowError("not_found", "there is no socket here", { reason: "no_such_path" });
  }
  refuseCredentials([...new URLSearchParams(query).keys()]);
  const principal = await gate.identify(knock);
  if (stopping.aborted) {
    throw new AgentFlowError("unavailable", "the control plane stops", { reason: "stopping" });
  }
  return principal;
}

function knockOf({ headers, socket }: IncomingMessage): Knock {
  return {
    host: headers.host,
    origin: headers.origin,
    authorization: headers.authorization,
    protocols: headers["sec-websocket-protocol"],
    address: socket.remoteAddress,
  };
}

function refuse(socket: Duplex, thrown: unknown, { services }: AppOptions): void {
  const error = AgentFlowError.from(thrown, "the upgrade");
  if (error.code === "unauthenticated" || error.code === "forbidden") {
    services.audit.note({ by: "unknown", did: "socket", outcome: "refused", reason: error.reason });
  }
  endWith(socket, error);
}

/** A peer that vanished without a word answers no ping: its place is given up. */
function pinging(server: WebSocketServer, timers: Timers, everyMs: number): () => void {
  let asked = new WeakSet<WebSocket>();
  const ping = (): void => {
    const silent = asked;
    asked = new WeakSet();
    for (const client of server.clients) {
      if (silent.has(client)) {
        client.terminate();
        continue;
      }
      asked.add(client);
      client.once("pong", () => asked.delete(client));
      client.ping();
    }
  };
  return timers.every(everyMs, ping, { background: true });
}

function closed(client: WebSocket): Promise<void> {
  return new Promise((resolve) => client.once("close", () => resolve()));
}

function terminateAll(server: WebSocketServer): void {
  for (const client of server.clients) client.terminate();
}

function tooMany(max: number): AgentFlowError {
  return new AgentFlowError("limit_exceeded", `more than ${max} sockets are open here`, {
    reason: "too_many_sockets",
    details: { max, retryAfterMs: 5_000 },
  });
}
