/** Ways to ports of pods: in channels of a WebSocket, or as SPDY streams, inside one or bare. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { PodCall } from "../api/pod-doors.ts";
import { badRequest } from "../api/status.ts";
import type { Nodes } from "../pods.ts";
import { bufferOf } from "./exec-door.ts";
import { onNode, podOf } from "./pod-checks.ts";
import { type SpdyStream, spdyServer } from "./spdy.ts";
import { offeredProtocols, refuseUpgrade, upgradeTo } from "./upgrade.ts";

const spdyName = "portforward.k8s.io";
const tunnel = `SPDY/3.1+${spdyName}`;
const channelled = ["v4.channel.k8s.io", "v4.base64.channel.k8s.io"];

type Connect = (port: number) => Promise<Duplex>;

export async function openForward(nodes: Nodes, call: PodCall, socket: Duplex, head: Buffer): Promise<void> {
  const pod = podOf(call);
  const ports = portsOf(call);
  onNode(pod);
  const connect: Connect = (port) => nodes.connect({ namespace: call.namespace, pod: call.name }, port);
  if (isBareSpdy(call.request)) {
    openBare(connect, socket, head);
    return;
  }
  const offered = offeredProtocols(call.request);
  if (offered.includes(tunnel)) {
    const opened = await upgradeTo(tunnel, call.request, socket, head);
    opened.resume();
    overWebSocket(connect, opened);
    return;
  }
  const protocol = channelled.find((one) => offered.includes(one));
  if (protocol === undefined) {
    refuseUpgrade(socket, "403 Forbidden");
    return;
  }
  if (ports.length === 0) {
    refuseUpgrade(socket, "400 Bad Request", 'query parameter "port" is required');
    return;
  }
  const opened = await upgradeTo(protocol, call.request, socket, head);
  opened.resume();
  inChannels({ connect, ports, opened, base64: protocol.includes("base64") });
}

function portsOf(call: PodCall): number[] {
  return call.query.getAll("ports").flatMap((text) =>
    text.split(",").map((one) => {
      const port = Number(one);
      if (Number.isInteger(port) && port > 0 && port < 65536) return port;
      const why = Number.isInteger(port) ? "value out of range" : "invalid syntax";
      throw badRequest(`cannot convert to []int32: strconv.ParseUint: parsing "${one}": ${why}`);
    }),
  );
}

interface Channelled {
  readonly connect: Connect;
  readonly ports: readonly number[];
  readonly opened: WebSocket;
  readonly base64: boolean;
}

/** Two channels for each port: its data, and what went wrong. */
function inChannels({ connect, ports, opened, base64 }: Channelled): void {
  const send = (channel: number, data: Buffer) => {
    if (base64) opened.send(`${channel}${data.toString("base64")}`);
    else opened.send(Buffer.concat([Buffer.of(channel), data]));
  };
  let left = ports.length;
  const over = () => {
    left -= 1;
    if (left === 0) opened.close(1000);
  };
  const ways = ports.map((port, index) => {
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    send(index * 2, number);
    send(index * 2 + 1, number);
    return connect(port);
  });
  for (const [index, way] of ways.entries()) {
    way.then(
      (stream) => {
        stream.on("data", (chunk: Buffer) => send(index * 2, chunk));
        stream.on("error", () => undefined);
        stream.on("close", over);
        opened.on("close", () => stream.destroy());
      },
      (error: unknown) => {
        send(index * 2 + 1, Buffer.from(refusal(ports[index] ?? 0, error)));
        over();
      },
    );
  }
  opened.on("message", (message) => {
    const all = bufferOf(message);
    const channel = base64 ? Number(all.toString("utf8", 0, 1)) : (all[0] ?? 0);
    const data = base64 ? Buffer.from(all.toString("utf8", 1), "base64") : all.subarray(1);
    if (channel % 2 === 0)
      ways[channel / 2]?.then(
        (stream) => stream.write(data),
        () => undefined,
      );
  });
}

function refusal(port: number, error: unknown): string {
  const why = error instanceof Error && error.message !== "" ? error.message : "connection refused";
  return (
    `error forwarding port ${port} to pod, uid : failed to execute portforward in network namespace: ` +
    `failed to connect to localhost:${port} inside namespace, ${why}`
  );
}

function overWebSocket(connect: Connect, opened: WebSocket): void {
  const closing: (() => void)[] = [];
  const server = forwardStreams(connect, {
    send: (frame) => opened.send(frame),
    close: () => opened.close(1000),
    onClose: (call) => void closing.push(call),
  });
  opened.on("message", (message) => server.receive(bufferOf(message)));
  opened.on("close", () => {
    for (const call of closing) call();
  });
}

function isBareSpdy(request: IncomingMessage): boolean {
  return (request.headers.upgrade ?? "").toLowerCase() === "spdy/3.1";
}

function openBare(connect: Connect, socket: Duplex, head: Buffer): void {
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n" +
      `X-Stream-Protocol-Version: ${spdyName}\r\n\r\n`,
  );
  const server = forwardStreams(connect, {
    send: (frame) => void socket.write(frame),
    close: () => socket.end(),
    onClose: (call) => void socket.on("close", call),
  });
  if (head.length > 0) server.receive(head);
  socket.on("data", (chunk: Buffer) => server.receive(chunk));
}

interface Carrier {
  readonly send: (frame: Buffer) => void;
  readonly close: () => void;
  readonly onClose: (call: () => void) => void;
}

/** For each connection of the client two streams, its error and its data, with one request id. */
function forwardStreams(connect: Connect, carrier: Carrier) {
  const waiting = new Map<string, { error?: SpdyStream; data?: SpdyStream }>();
  return spdyServer({
    send: carrier.send,
    goneAway: carrier.close,
    opened(stream) {
      const id = stream.headers.get("requestid") ?? "";
      const pair = waiting.get(id) ?? {};
      if (stream.headers.get("streamtype") === "error") pair.error = stream;
      else pair.data = stream;
      waiting.set(id, pair);
      if (pair.error === undefined || pair.data === undefined) return;
      waiting.delete(id);
      const port = Number(stream.headers.get("port") ?? "0");
      void forwardOne(connect, port, { error: pair.error, data: pair.data, carrier });
    },
  });
}

interface Pair {
  readonly error: SpdyStream;
  readonly data: SpdyStream;
  readonly carrier: Carrier;
}

async function forwardOne(connect: Connect, port: number, { error, data, carrier }: Pair): Promise<void> {
  try {
    const way = await connect(port);
    carrier.onClose(() => way.destroy());
    way.on("data", (chunk: Buffer) => data.write(chunk));
    way.on("error", () => undefined);
    way.on("close", () => {
      data.end();
      error.end();
    });
    data.onData((chunk) => void (chunk === undefined ? way.end() : way.write(chunk)));
  } catch (fault) {
    error.write(Buffer.from(refusal(port, fault)));
    error.end();
    data.end();
  }
}
