/** Programs started in containers, over a WebSocket with a channel in the first byte of each message. */
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { PodCall } from "../api/pod-doors.ts";
import type { Execution, Nodes } from "../pods.ts";
import { containerOf, isRunning, onNode, podOf } from "./pod-checks.ts";
import { offeredProtocols, refuseUpgrade, upgradeTo } from "./upgrade.ts";

const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;
const binary = ["v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io"];
const base64 = ["v4.base64.channel.k8s.io", "base64.channel.k8s.io"];

export async function openExec(nodes: Nodes, call: PodCall, socket: Duplex, head: Buffer): Promise<void> {
  const pod = podOf(call);
  const container = containerOf(pod, call.query.get("container"));
  onNode(pod);
  const flag = (of: string) => ["true", "1"].includes(call.query.get(of) ?? "");
  const wants = { stdin: flag("stdin"), stdout: flag("stdout"), stderr: flag("stderr"), tty: flag("tty") };
  if (!wants.stdin && !wants.stdout && !wants.stderr) {
    refuseUpgrade(socket, "400 Bad Request", "you must specify at least 1 of stdin, stdout, stderr");
    return;
  }
  isRunning(pod, container);
  const offered = offeredProtocols(call.request);
  const protocol = [...binary, ...base64].find((one) => offered.includes(one));
  if (protocol === undefined) {
    refuseUpgrade(socket, "403 Forbidden");
    return;
  }
  const client = new Client(await upgradeTo(protocol, call.request, socket, head), protocol);
  client.send(channels.stdout, Buffer.alloc(0));
  const of = { namespace: call.namespace, pod: call.name, container };
  try {
    const command = call.query.getAll("command");
    const execution = await nodes.exec(of, { command, stdin: wants.stdin, tty: wants.tty });
    await converse(client, execution, wants);
  } catch (error) {
    client.end(notStarted(error instanceof Error ? error.message : String(error)));
  }
}

class Client {
  readonly socket: WebSocket;
  readonly #text: boolean;
  readonly #withStatus: boolean;

  constructor(socket: WebSocket, protocol: string) {
    this.socket = socket;
    this.#text = base64.includes(protocol);
    this.#withStatus = protocol.startsWith("v");
  }

  send(channel: number, data: Buffer): void {
    if (this.#text) this.socket.send(`${channel}${data.toString("base64")}`);
    else this.socket.send(Buffer.concat([Buffer.of(channel), data]));
  }

  onMessage(listener: (channel: number, data: Buffer) => void): void {
    this.socket.on("message", (message) => {
      const all = bufferOf(message);
      if (!this.#text) listener(all[0] ?? 0, all.subarray(1));
      else listener(Number(all.toString("utf8", 0, 1)), Buffer.from(all.toString("utf8", 1), "base64"));
    });
  }

  end(status: object): void {
    if (this.#withStatus) this.send(channels.status, Buffer.from(JSON.stringify(status)));
    this.socket.resume();
    this.socket.close(1000);
  }
}

export function bufferOf(message: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Array.isArray(message)) return Buffer.concat(message);
  return Buffer.isBuffer(message) ? message : Buffer.from(message);
}

interface Wants {
  readonly stdout: boolean;
  readonly stderr: boolean;
}

async function converse(client: Client, execution: Execution, wants: Wants): Promise<void> {
  execution.onOutput((stream, chunk) => {
    if (wants[stream]) client.send(channels[stream], chunk);
  });
  client.onMessage((channel, data) => {
    if (channel === channels.stdin && data.length > 0) execution.stdin.write(data);
    if (channel === channels.close && data[0] === channels.stdin) execution.stdin.end();
  });
  client.socket.on("close", () => execution.kill());
  if (client.socket.readyState === client.socket.CLOSED) execution.kill();
  client.socket.resume();
  const end = await execution.ended;
  if ("error" in end) client.end(notStarted(end.error));
  else client.end(end.exitCode === 0 ? { metadata: {}, status: "Success" } : failed(end.exitCode));
}

function failed(exitCode: number): object {
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: command terminated with exit code ${exitCode}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}

function notStarted(why: string): object {
  const id = randomBytes(32).toString("hex");
  const start = `failed to exec in container: failed to start exec "${id}": ${why}`;
  const message = `Internal error occurred: error executing command in container: ${start}`;
  return {
    metadata: {},
    status: "Failure",
    message: `Internal error occurred: ${message}`,
    reason: "InternalError",
    details: { causes: [{ message }] },
    code: 500,
  };
}
