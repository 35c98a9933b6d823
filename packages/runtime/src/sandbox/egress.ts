/**
 * What a sandbox may reach, and the only way to it: its supervisor dials for it, and dials nothing but what
 * the plan lists. No name is looked up that is not on the list.
 */
import { lookup } from "node:dns/promises";
import { BlockList, type Socket, connect, isIP } from "node:net";
import type { LinkFromSandbox, LinkToSandbox } from "../channel/link-messages.ts";

export interface EgressOptions {
  /** `host:port` each. */
  readonly allowed: readonly string[];
  say(message: LinkToSandbox): void;
  /** Bytes that wait to get into the sandbox. */
  waiting(): number;
  /** Resolves when there is room for more. */
  room(): Promise<void>;
  /** A try to reach what it may not, with the reason. */
  denied(why: string): void;
}

export const egressLimits = {
  linksMax: 32,
  dialsMax: 1_000,
  waitingBytesMax: 1024 * 1024,
  dialMs: 15_000,
} as const;

export class EgressDoor {
  readonly #options: EgressOptions;
  readonly #links = new Map<number, Socket>();
  readonly #dialling = new Set<number>();
  #dials = 0;

  constructor(options: EgressOptions) {
    this.#options = options;
  }

  receive(message: LinkFromSandbox): void {
    const [kind, id] = message;
    if (kind === "dial") void this.#dial(id, message[2], message[3]);
    else if (kind === "send") this.#links.get(id)?.write(Buffer.from(message[2], "base64"));
    else this.#links.get(id)?.end();
  }

  close(): void {
    for (const socket of this.#links.values()) socket.destroy();
    this.#links.clear();
    this.#dialling.clear();
  }

  async #dial(id: number, host: string, port: number): Promise<void> {
    const { allowed, say } = this.#options;
    const name = `${host.toLowerCase()}:${port}`;
    if (!allowed.includes(name))
      return this.#refuse(id, `${name} is not allowed: sandbox.network lists what is`);
    const isKnown = this.#links.has(id) || this.#dialling.has(id);
    const open = this.#links.size + this.#dialling.size;
    if (isKnown || open >= egressLimits.linksMax || ++this.#dials > egressLimits.dialsMax) {
      return this.#refuse(id, "too many connections");
    }
    this.#dialling.add(id);
    try {
      const address = await addressOf(host);
      if (this.#dialling.has(id))
        this.#connect(id, connect({ host: address, port, timeout: egressLimits.dialMs }));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (error instanceof NeverError) this.#refuse(id, why);
      else say(["hung", id, why]);
    } finally {
      this.#dialling.delete(id);
    }
  }

  #refuse(id: number, why: string): void {
    this.#options.denied(why);
    this.#options.say(["hung", id, why]);
  }

  #connect(id: number, socket: Socket): void {
    const { say } = this.#options;
    this.#links.set(id, socket);
    socket.once("timeout", () => socket.destroy(new Error("it did not answer in time")));
    socket.once("connect", () => {
      socket.setTimeout(0);
      say(["dialled", id]);
    });
    socket.on("data", (chunk: Buffer) => this.#pass(id, socket, chunk));
    socket.once("end", () => say(["hung", id]));
    socket.once("error", (error) => say(["hung", id, error.message]));
    socket.once("close", () => this.#links.delete(id));
  }

  #pass(id: number, socket: Socket, chunk: Buffer): void {
    const { say, waiting, room } = this.#options;
    say(["data", id, chunk.toString("base64")]);
    if (waiting() < egressLimits.waitingBytesMax) return;
    socket.pause();
    void room().then(() => socket.resume());
  }
}

/** Where a name must never lead, whoever answers for it: to the worker's own machine, or its cloud's door. */
const never = new BlockList();
for (const [net, bits] of [
  ["127.0.0.0", 8],
  ["0.0.0.0", 8],
  ["169.254.0.0", 16],
  ["224.0.0.0", 3],
] as const) {
  never.addSubnet(net, bits, "ipv4");
}
for (const [net, bits] of [
  ["::1", 128],
  ["::", 128],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  never.addSubnet(net, bits, "ipv6");
}
never.addAddress("fd00:ec2::254", "ipv6");

class NeverError extends Error {}

/** Looked up once, and dialled at what was looked at. An address that is on the list itself is meant so. */
async function addressOf(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  const { address, family } = await lookup(host);
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  const isNever =
    mapped === undefined ? never.check(address, family === 6 ? "ipv6" : "ipv4") : never.check(mapped, "ipv4");
  if (isNever) throw new NeverError(`${host} leads to ${address}, which no sandbox may reach by a name`);
  return address;
}
