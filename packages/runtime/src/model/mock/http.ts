/** The edges of HTTP that the mock server and the recorder share. */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import type { Chunk } from "./dialect.ts";

export const bodyBytesMax = 32 * 1024 * 1024;

export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

/** Refuses with `unavailable` when the port is taken. */
export async function listen(
  server: Server,
  at: { readonly host: string; readonly port: number },
): Promise<Listening> {
  server.listen(at.port, at.host);
  try {
    await once(server, "listening");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AgentFlowError("unavailable", `cannot listen on ${at.host}:${at.port}: ${why}`, {
      reason: "port_taken",
      suggestions: ["leave --port out: any free port is taken"],
      cause,
    });
  }
  const { port } = addressOf(server);
  return {
    url: `http://${at.host.includes(":") ? `[${at.host}]` : at.host}:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      if (server.listening) await once(server, "close");
    },
  };
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a server that listens has a port");
  return address;
}

const loopback = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * A page in a browser reaches a loopback port by a name of its own: then the `Host` is that name. Who listens
 * beyond loopback wants other names.
 */
export function isHostAllowed(request: IncomingMessage, bound: string): boolean {
  if (!loopback.has(bound) && bound !== "::1") return true;
  return loopback.has((request.headers.host ?? "").replace(/:\d+$/, "").toLowerCase());
}

/** Undefined when it is longer than the limit. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    const part = Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece));
    bytes += part.length;
    if (bytes > bodyBytesMax) return undefined;
    pieces.push(part);
  }
  return Buffer.concat(pieces);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: JsonObject,
  headers: { readonly [name: string]: string } = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** Waits where the reader is slow; gives false when it is gone. */
export async function write(response: ServerResponse, chunk: Chunk): Promise<boolean> {
  if (response.destroyed || response.writableEnded) return false;
  if (response.write(chunk)) return true;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      response.off("drain", go);
      response.off("close", go);
      resolve();
    };
    response.on("drain", go);
    response.on("close", go);
  });
  return !response.destroyed;
}

/** Breaks the connection once what was written is on its way. */
export async function breakOff(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    response.write("", () => resolve());
    if (response.destroyed) resolve();
  });
  response.destroy();
}
