/** The listener: HTTPS, or HTTP for who wants to see what goes over the wire. */
import { createServer as createHttp, type RequestListener, type Server, ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Certificate } from "../certificate.ts";
import { sendJson } from "./answers.ts";
import type { FaultState } from "./faults.ts";
import { handle, handleUpgrade, type House } from "./handler.ts";
import { StatusError } from "./status.ts";

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port?: number;
  readonly certificate: Certificate | undefined;
  readonly faults: FaultState;
}

export async function listen(house: House, options: ListenOptions): Promise<Listener> {
  const { certificate, faults } = options;
  const onRequest: RequestListener = (request, response) => {
    const refused = faults.takeRefusal();
    if (refused !== undefined) {
      sendJson(response, refused, refusal(refused).body(), { "retry-after": "1" });
      return;
    }
    const said = faults.saidOf(request.method ?? "", request.url ?? "");
    if (said !== undefined) {
      sendJson(response, said.code, new StatusError(said.code, said.reason, said.message, {}).body());
      return;
    }
    const lost = faults.takeDrop(request.method ?? "", request.url ?? "");
    if (lost === "before") request.socket.destroy();
    else if (lost === undefined) void faults.passed().then(() => handle(house, request, response));
    // Answered into nothing.
    else void handle(house, request, new ServerResponse(request)).then(() => request.socket.destroy());
  };
  const server: Server =
    certificate === undefined
      ? createHttp(onRequest)
      : createHttps({ key: certificate.keyPem, cert: certificate.certPem }, onRequest);
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    void faults.passed().then(() => handleUpgrade(house, request, socket, head));
  });
  const keep = (socket: Duplex) => {
    faults.sockets.add(socket);
    socket.on("close", () => faults.sockets.delete(socket));
  };
  server.on(certificate === undefined ? "connection" : "secureConnection", keep);
  // A watch lives as long as its client wants.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((done, failed) => {
    server.once("error", failed);
    server.listen(options.port ?? 0, options.host, done);
  });
  return { port: portOf(server.address()), close: async () => close(server, faults) };
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function close(server: Server, faults: FaultState): Promise<void> {
  faults.resume();
  const closed = new Promise<void>((done) => server.close(() => done()));
  faults.cut();
  server.closeAllConnections();
  await closed;
}

function refusal(code: 429 | 503): StatusError {
  if (code === 429) {
    const text = "Too many requests, please try again later.";
    return new StatusError(429, "TooManyRequests", text, { retryAfterSeconds: 1 });
  }
  const text = "the server is currently unable to handle the request";
  return new StatusError(503, "ServiceUnavailable", text, { retryAfterSeconds: 1 });
}
