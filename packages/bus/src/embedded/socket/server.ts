import { createHash, timingSafeEqual } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { AgentFlowError } from "@agentflow/protocol";
import type { EmbeddedBus } from "../open.ts";
import { type Message, frameLimits } from "./frame.ts";
import { Link } from "./link.ts";
import { malformed } from "./malformed.ts";
import { operation, protocolVersion, socketLimits } from "./operations.ts";
import * as parse from "./parse-message.ts";
import { prepareSocketFolder, socketPathFor } from "./paths.ts";
import { Session } from "./session.ts";

export interface ServeOptions {
  /** Who does not bring it is turned away. */
  readonly token: string;
  /** Default: `socketPathFor(bus.dir)`. */
  readonly path?: string;
  /** How long a client that lost its connection keeps its leases, to come back for them. Default 500. */
  readonly graceMs?: number;
}

export interface SocketServer {
  readonly path: string;
  /** Clients that are connected now. */
  readonly connections: number;
  /** Ends every connection; clients try to come back. */
  close(): Promise<void>;
}

const graceMsDefault = 500;

/** Lets other processes of this user use the bus, by a socket that only they can open. */
export async function serveSocket(bus: EmbeddedBus, options: ServeOptions): Promise<SocketServer> {
  const path = options.path ?? socketPathFor(bus.dir);
  prepareSocketFolder(path);
  // The state's lock is ours, so whoever made this file is dead.
  rmSync(path, { force: true });
  const links = new Set<Link>();
  const welcome = {
    bus,
    token: digest(options.token),
    graceMs: options.graceMs ?? graceMsDefault,
    known: new Map<string, Link>(),
  };
  const server = createServer((socket) => {
    const link = accept(socket, welcome, () => links.delete(link));
    links.add(link);
  });
  server.maxConnections = socketLimits.connectionsMax;
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => reject(cannotListen(path, error));
    server.once("error", failed);
    server.listen(path, () => {
      server.off("error", failed);
      resolve();
    });
  });
  chmodSync(path, 0o600);
  bus.announce(path);
  return {
    path,
    get connections() {
      return links.size;
    },
    close: async () => {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      for (const link of links) link.close();
      await closed;
    },
  };
}

interface Welcome {
  readonly bus: EmbeddedBus;
  readonly token: Buffer;
  readonly graceMs: number;
  /** The newest connection of each client. */
  readonly known: Map<string, Link>;
}

/** A connection says hello first, soon and briefly; then it is a session. */
function accept(socket: Socket, welcome: Welcome, forget: () => void): Link {
  let session: Session | undefined;
  const link = new Link(socket, {
    message: (message) => {
      if (session === undefined) session = greet(link, welcome, message);
      else session.message(message);
    },
    closed: () => {
      clearTimeout(late);
      forget();
      for (const [client, of] of welcome.known) if (of === link) welcome.known.delete(client);
      session?.gone();
    },
  });
  link.bytesMax = socketLimits.helloBytesMax;
  const late = setTimeout(() => {
    if (session === undefined) link.refuse(malformed("no hello in time"));
  }, socketLimits.helloMs);
  late.unref();
  return link;
}

function greet(link: Link, welcome: Welcome, message: Message): Session {
  if (message.operation !== operation.hello) throw malformed("something before hello");
  const [version, token, name] = parse.tuple(message.facts, 3);
  if (version !== protocolVersion) throw otherVersion(version);
  // Digests are of one length, so the comparison tells nothing about the token.
  if (!timingSafeEqual(digest(parse.text(token)), welcome.token)) throw wrongToken();
  const { bus, graceMs, known } = welcome;
  const client = parse.text(name);
  // It says hello anew, so its old connection is dead, whether this side knows that already or not.
  known.get(client)?.cut();
  known.set(client, link);
  const session = new Session({ bus, link, graceMs });
  link.bytesMax = frameLimits.bytesMax;
  link.send(operation.done, message.id, [protocolVersion, bus.queue.tasks.epoch, bus.durability]);
  return session;
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function wrongToken(): AgentFlowError {
  return new AgentFlowError("unauthenticated", "the token is not the one of this installation", {
    reason: "wrong_token",
  });
}

function otherVersion(found: unknown): AgentFlowError {
  const theirs = JSON.stringify(found);
  const text = `the owner of the state speaks version ${protocolVersion}, the client ${theirs}`;
  return new AgentFlowError("refused", text, {
    reason: "protocol_mismatch",
    details: { known: protocolVersion, found },
    suggestions: ["use the same version of af for both"],
  });
}

function cannotListen(path: string, cause: Error): AgentFlowError {
  return new AgentFlowError("unavailable", `cannot listen on ${path}: ${cause.message}`, {
    reason: "cannot_listen",
    details: { path },
    cause,
  });
}
