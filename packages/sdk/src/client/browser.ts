/** The client in a browser: fetch, WebSocket and WebCrypto. */
import { AgentFlowError, versionHeader } from "@agentflow/protocol";
import { Client } from "./client.ts";
import { refusalOf } from "./exchange.ts";
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

/** A client of an installation's API. Close it when done: it may keep a socket open. */
export function createClient(options: ClientOptions): Client {
  const [first, ...others] = checkedUrls(options);
  const at = (url: URL): Transport => new BrowserTransport(url, options.token);
  return new Client(several([at(first), ...others.map(at)]), options);
}

class BrowserTransport implements Transport {
  readonly #base: URL;
  readonly #token: string | undefined;

  constructor(base: URL, token: string | undefined) {
    this.#base = base;
    this.#token = token;
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const response = await this.#fetch(request, request.timeoutMs ?? 30_000);
    try {
      return await answerOf(response);
    } catch (cause) {
      throw this.#unreachable(cause);
    }
  }

  async *stream(request: TransportRequest): AsyncIterable<string> {
    const response = await this.#fetch(request);
    if (!response.ok || response.body === null) throw refusalOf(await answerOf(response));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } catch (cause) {
      throw this.#unreachable(cause);
    } finally {
      // Whoever stops reading closes the connection with it.
      await reader.cancel().catch(() => undefined);
    }
  }

  async *bytes(request: TransportRequest): AsyncIterable<Uint8Array> {
    const response = await this.#fetch(request);
    if (!response.ok || response.body === null) throw refusalOf(await answerOf(response));
    const chunks: AsyncIterable<Uint8Array> = pieces(response.body);
    try {
      yield* chunks;
    } catch (cause) {
      throw this.#unreachable(cause);
    }
  }

  socket(path: string, events: SocketEvents): Promise<SocketLike> {
    const url = new URL(path, this.#base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    // A browser cannot set headers here; the token travels as a subprotocol, never in the address.
    const protocols = this.#token === undefined ? ["agentflow"] : ["agentflow", `bearer.${this.#token}`];
    const socket = new WebSocket(url, protocols);
    return new Promise((resolve, reject) => {
      let open = false;
      socket.onopen = () => {
        open = true;
        resolve({ send: (text) => socket.send(text), close: () => socket.close() });
      };
      socket.onmessage = (event) => events.message(String(event.data));
      socket.onclose = (event) => {
        if (open) events.closed(`${event.code} ${event.reason}`.trim());
        else
          reject(new AgentFlowError("unavailable", `no socket to ${url.origin}`, { reason: "unreachable" }));
      };
    });
  }

  async sha256(bytes: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
  }

  random(bytes: number): Uint8Array {
    return crypto.getRandomValues(new Uint8Array(bytes));
  }

  now(): number {
    return Date.now();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done, { once: true });
      if (signal?.aborted) done();
    });
  }

  afterTurn(fn: () => void): void {
    queueMicrotask(fn);
  }

  close(): void {}

  async #fetch(request: TransportRequest, timeoutMs?: number): Promise<Response> {
    const limits = [request.signal, timeoutMs ? AbortSignal.timeout(timeoutMs) : undefined];
    const signals = limits.filter((signal) => signal !== undefined);
    const authorization = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    try {
      return await fetch(new URL(request.path, this.#base), {
        method: request.method,
        headers: {
          ...authorization,
          ...(request.body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(request.body === undefined ? {} : { body: request.body }),
        ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
      });
    } catch (cause) {
      throw this.#unreachable(cause);
    }
  }

  #unreachable(cause: unknown): AgentFlowError {
    return new AgentFlowError("unavailable", `no answer from ${this.#base.origin}`, {
      reason: "unreachable",
      cause,
    });
  }
}

/** Not every browser lets a stream be iterated over. */
async function* pieces(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    // Whoever stops reading closes the connection with it.
    await reader.cancel().catch(() => undefined);
  }
}

async function answerOf(response: Response): Promise<TransportResponse> {
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  const { status } = response;
  const version = response.headers.get(versionHeader);
  const text = await response.text();
  const release = version === null ? {} : { version };
  return {
    status,
    text,
    ...release,
    ...(Number.isFinite(retryAfter) ? { retryAfterMs: retryAfter * 1_000 } : {}),
  };
}
