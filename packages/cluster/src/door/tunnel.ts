/** A port of this machine whose bytes go over connections that somebody else opens, each as it is. */
import { AgentFlowError } from "@agentflow/protocol";
import { type Socket, createServer } from "node:net";
import type { Duplex } from "node:stream";

export interface Tunnelling {
  readonly port: number;
  readonly connect: () => Promise<Duplex>;
}

/** Answers with what ends it and all that goes through it. Refuses when the port is taken. */
export async function openTunnel({ port, connect }: Tunnelling): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    void join(connect, socket);
  });
  await listening(server, port);
  return async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
}

async function join(connect: Tunnelling["connect"], socket: Socket): Promise<void> {
  try {
    const inside = await connect();
    inside.on("error", () => socket.destroy());
    inside.on("close", () => socket.destroy());
    socket.on("close", () => inside.destroy());
    if (socket.destroyed) inside.destroy();
    else socket.pipe(inside).pipe(socket);
  } catch {
    // Whoever connects sees that nobody is there, as on any port.
    socket.destroy();
  }
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
