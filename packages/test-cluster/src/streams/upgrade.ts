/** Upgrades of a request to a WebSocket, with the subprotocols of Kubernetes. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";

export function offeredProtocols(request: IncomingMessage): string[] {
  const header = request.headers["sec-websocket-protocol"] ?? "";
  return header
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

export function upgradeTo(
  protocol: string,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<WebSocket> {
  // Names of Kubernetes have a slash in them, which the library lets no client offer.
  delete request.headers["sec-websocket-protocol"];
  const server = new WebSocketServer({ noServer: true });
  server.on("headers", (lines) => lines.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve) => {
    server.handleUpgrade(request, socket, head, (opened) => {
      // Whoever leaves without a word ends like one who says it.
      opened.on("error", () => opened.terminate());
      // What the client says at once waits until somebody listens, who resumes it.
      opened.pause();
      resolve(opened);
    });
  });
}

/** An answer without an upgrade, in plain text. */
export function refuseUpgrade(socket: Duplex, status: string, body = ""): void {
  const type = body === "" ? "" : "content-type: text/plain; charset=utf-8\r\n";
  const length = Buffer.byteLength(body);
  socket.end(`HTTP/1.1 ${status}\r\n${type}content-length: ${length}\r\nconnection: close\r\n\r\n${body}`);
}
