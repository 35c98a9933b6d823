/**
 * The broker: it alone holds an engine's socket, and what it makes there is sandboxes of one shape. Workers
 * reach it by a socket that nobody else has; each connection is one sandbox, and ends with it.
 */
import { AgentFlowError } from "@agentflow/protocol";
import { chmodSync, rmSync } from "node:fs";
import { type Server, type Socket, createServer } from "node:net";
import { type Channel, type Message, openChannel } from "../channel/frames.ts";
import { type FromBroker, parseToBroker } from "./parse-broker.ts";
import type { OpenSandbox, SandboxRequest, SandboxSource } from "./source.ts";

export interface Broker {
  readonly open: number;
  close(): Promise<void>;
}

export interface BrokerOptions {
  /** Path of the socket. */
  readonly path: string;
  readonly source: SandboxSource;
  /** Sandboxes at the same time, of all workers together. */
  readonly max: number;
  /** The most that one may have, whatever a worker asks for. */
  readonly most?: Partial<Pick<SandboxRequest, "memoryMb" | "cpus" | "pids" | "tmpMb">>;
  readonly told?: (note: BrokerNote) => void;
}

export type BrokerNote =
  | { readonly kind: "opened" | "ended"; readonly tool: string; readonly run: string; readonly step: string }
  | { readonly kind: "refused"; readonly reason: string };

/** Bytes of an answer that may wait for a worker before its container is made to wait. */
const waitingBytesMax = 1024 * 1024;

export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const sessions = new Set<Session>();
  // A predecessor that was killed left its socket behind.
  rmSync(options.path, { force: true });
  const server: Server = createServer((socket) => {
    const session = new Session(socket, { ...options, isFull: () => sessions.size > options.max });
    sessions.add(session);
    socket.once("close", () => sessions.delete(session));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.path, resolve);
  });
  // The volume says who may come: only workers have it.
  chmodSync(options.path, 0o666);
  return {
    get open() {
      return sessions.size;
    },
    async close() {
      server.close();
      for (const session of sessions) session.end();
      await options.source.close();
    },
  };
}

type SessionOptions = BrokerOptions & { isFull(): boolean };

class Session {
  readonly #socket: Socket;
  readonly #channel: Channel;
  readonly #options: SessionOptions;
  #sandbox: OpenSandbox | undefined;
  #asked = false;
  #over = false;

  constructor(socket: Socket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#channel = openChannel(socket, (message) => this.#receive(message));
    void this.#channel.closed.then(() => this.end());
  }

  end(): void {
    this.#over = true;
    this.#sandbox?.kill();
    this.#socket.destroy();
    // Nobody takes what it still says, and its end comes behind that.
    this.#sandbox?.stream.resume();
  }

  #receive(raw: Message): void {
    const message = parseToBroker(raw);
    switch (message[0]) {
      case "open":
        if (this.#asked) throw new AgentFlowError("invalid_input", "a connection is one sandbox");
        this.#asked = true;
        void this.#open(message[1]);
        return;
      case "in":
        this.#sandbox?.stream.write(Buffer.from(message[1], "base64"));
        return;
      case "kill":
        this.#sandbox?.kill();
        return;
      default:
        return;
    }
  }

  async #open(request: SandboxRequest): Promise<void> {
    const { source, most = {}, told, isFull } = this.#options;
    const { tool, run, step } = request;
    try {
      if (isFull()) throw new AgentFlowError("limit_exceeded", "no sandbox: as many as may be are open");
      const sandbox = await source.open(tightened(request, most), (chunk) => this.#pass("err", chunk));
      this.#sandbox = sandbox;
      told?.({ kind: "opened", tool, run, step });
      void sandbox.exited.then((exit) => {
        told?.({ kind: "ended", tool, run, step });
        this.#say(["exit", exit]);
        this.#channel.close();
      });
      if (this.#over) return sandbox.kill();
      this.#say(["opened", sandbox.applied]);
      sandbox.stream.on("data", (chunk: Buffer) => this.#pass("out", chunk));
    } catch (error) {
      const { message, suggestions } = AgentFlowError.from(error, "a sandbox");
      told?.({ kind: "refused", reason: message });
      this.#say(["refused", { message, suggestions }]);
      this.#channel.close();
    }
  }

  #pass(kind: "out" | "err", chunk: Buffer): void {
    if (this.#over) return;
    this.#say([kind, chunk.toString("base64")]);
    const { stream } = this.#sandbox ?? {};
    if (stream === undefined || this.#socket.writableLength < waitingBytesMax) return;
    stream.pause();
    this.#socket.once("drain", () => stream.resume());
  }

  #say(message: FromBroker): void {
    if (!this.#socket.destroyed) this.#channel.send(message);
  }
}

function tightened(request: SandboxRequest, most: NonNullable<BrokerOptions["most"]>): SandboxRequest {
  const least = (key: "memoryMb" | "cpus" | "pids" | "tmpMb"): number =>
    Math.min(request[key], most[key] ?? request[key]);
  const [memoryMb, cpus, pids, tmpMb] = [least("memoryMb"), least("cpus"), least("pids"), least("tmpMb")];
  return { ...request, memoryMb, cpus, pids, tmpMb };
}
