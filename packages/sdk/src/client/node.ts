/** The client in Node: `node:http` with kept connections and `ws`, neither fetch nor zod on the path. */
import { AgentFlowError, versionHeader } from "@agentflow/protocol";
import { hash, randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "./client.ts";
import { refusalOf } from "./exchange.ts";
import { codeOf, toBuffer } from "./parse-answer.ts";
import { several } from "./several.ts";
import type {
  ClientOptions,
  SocketEvents,
  SocketLike,
  Transport,
  TransportRequest,
  TransportResponse,
} from "./transport.ts";
import { checkedUrls } from "./url.ts";

/** A client of an installation's API. Close it when done: it keeps connections open. */
export function createClient(options: ClientOptions): Client {
  const [first, ...others] = checkedUrls(options);
  const at = (url: URL): Transport => new NodeTransport(url, options.token);
  return new Client(several([at(first), ...others.map(at)]), options);
}

/** A stream says that it is still there each 15 s: one that is silent for longer is lost. */
const silentMsMax = 60_000;
const answerBytesMax = 64 * 1024 * 1024;

class NodeTransport implements Transport {
  readonly #base: URL;
  readonly #agent: http.Agent;
  readonly #headers: { readonly [name: string]: string };
  readonly #module: typeof http | typeof https;

  constructor(base: URL, token: string | undefined) {
    this.#base = base;
    this.#module = this.#base.protocol === "https:" ? https : http;
    this.#agent = new this.#module.Agent({ keepAlive: true, maxSockets: 64 });
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const response = await this.#open(request);
    try {
      return await answerOf(response);
    } catch (error) {
      throw AgentFlowError.is(error) ? error : unreachable(error, this.#base);
    }
  }

  async *stream(request: TransportRequest): AsyncIterable<string> {
    const response = await this.#open({ ...request, timeoutMs: silentMsMax });
    if (response.statusCode !== 200) throw refusalOf(await answerOf(response));
    response.setEncoding("utf8");
    try {
      for await (const chunk of response) yield String(chunk);
    } catch (error) {
      if (request.signal?.aborted !== true) throw unreachable(error, this.#base);
    }
  }

  async *bytes(request: TransportRequest): AsyncIterable<Uint8Array> {
    const response = await this.#open({ ...request, timeoutMs: silentMsMax });
    if (response.statusCode !== 200) throw refusalOf(await answerOf(response));
    try {
      for await (const chunk of response) yield toBuffer(chunk);
    } catch (error) {
      throw unreachable(error, this.#base);
    }
  }

  async socket(path: string, events: SocketEvents): Promise<SocketLike> {
    // Loaded here: commands that ask one question never need it.
    const { WebSocket } = await import("ws");
    const url = new URL(path, this.#base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, { headers: this.#headers, perMessageDeflate: false });
    return new Promise((resolve, reject) => {
      let open = false;
      socket.on("open", () => {
        open = true;
        resolve({ send: (text) => socket.send(text), close: () => socket.close() });
      });
      socket.on("unexpected-response", (sent, response: http.IncomingMessage) => {
        sent.on("error", () => undefined);
        answerOf(response).then(
          (answer) => reject(refusalOf(answer)),
          (error: unknown) => reject(unreachable(error, this.#base)),
        );
      });
      socket.on("message", (data: Buffer) => events.message(data.toString("utf8")));
      socket.on("error", (error) => {
        if (!open) reject(unreachable(error, this.#base));
      });
      socket.on("close", (code, reason) => {
        if (open) events.closed(`${code} ${reason.toString("utf8")}`.trim());
      });
    });
  }

  async sha256(bytes: Uint8Array): Promise<Uint8Array> {
    return hash("sha256", bytes, "buffer");
  }

  random(bytes: number): Uint8Array {
    return randomBytes(bytes);
  }

  now(): number {
    return Date.now();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }

  afterTurn(fn: () => void): void {
    setImmediate(fn);
  }

  close(): void {
    this.#agent.destroy();
  }

  #open(request: TransportRequest): Promise<http.IncomingMessage> {
    const url = new URL(request.path, this.#base);
    const { body, method, signal } = request;
    const content =
      body === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const sent = this.#module.request(
        url,
        {
          method,
          agent: this.#agent,
          headers: { ...this.#headers, ...content },
          ...(signal ? { signal } : {}),
        },
        resolve,
      );
      sent.setTimeout(request.timeoutMs ?? 30_000, () => sent.destroy(new Error("no answer in time")));
      sent.on("error", (error) => reject(unreachable(error, this.#base)));
      sent.end(body);
    });
  }
}

async function answerOf(response: http.IncomingMessage): Promise<TransportResponse> {
  const retryAfter = Number(response.headers["retry-after"]);
  const version = response.headers[versionHeader];
  const text = await readAll(response);
  return {
    status: response.statusCode ?? 0,
    text,
    ...(typeof version === "string" ? { version } : {}),
    ...(Number.isFinite(retryAfter) ? { retryAfterMs: retryAfter * 1_000 } : {}),
  };
}

async function readAll(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const part = toBuffer(chunk);
    bytes += part.length;
    if (bytes > answerBytesMax)
      throw new AgentFlowError("limit_exceeded", `the answer is over ${answerBytesMax} bytes`);
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function unreachable(error: unknown, base: URL): AgentFlowError {
  const text = error instanceof Error ? error.message || codeOf(error) : String(error);
  return new AgentFlowError("unavailable", `no answer from ${base.origin}: ${text}`, {
    reason: "unreachable",
    cause: error,
    suggestions: ["start it: af dev, or af server", "another address: --url, or AF_URL", "af doctor"],
  });
}
