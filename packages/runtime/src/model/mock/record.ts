/** A proxy that passes a provider's answers through and writes them down without keys. */
import { Buffer } from "node:buffer";
import { appendFileSync, readFileSync } from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { AgentFlowError } from "@agentflow/protocol";
import { exchangeText, readCassette } from "./cassette.ts";
import type { Exchange } from "./exchange.ts";
import { type Listening, bodyBytesMax, bodyOf, isHostAllowed, listen, sendJson, write } from "./http.ts";
import { keyOf } from "./keys.ts";
import { type Mask, createMask, maskedHeaders, maskedPath } from "./mask.ts";

export interface RecordOptions {
  /** Where requests go: `https://api.openai.com`. */
  readonly upstream: string;
  /** Exchanges are appended to it; made when it is missing, for its owner alone. */
  readonly to: string;
  readonly host?: string;
  readonly port?: number;
  /** Values that may not stand in the file, beside the keys of the requests. */
  readonly secrets?: readonly string[];
  readonly onExchange?: (recorded: Recorded) => void;
}

export interface Recorded {
  readonly n: number;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
  /** Why the exchange is not in the file. */
  readonly left?: "aborted" | "unreachable" | "secret" | "too_long";
}

/** Refuses an upstream to which a key would travel in the clear. */
export async function startRecorder(options: RecordOptions): Promise<Listening> {
  const upstream = upstreamOf(options.upstream);
  const host = options.host ?? "127.0.0.1";
  // Made, or refused, before anybody asks.
  appendFileSync(options.to, "", { mode: 0o600 });
  refuseOtherFile(options.to);
  const recorder = { options, upstream, host, mask: createMask(options.secrets), count: 0 };
  const server = createServer((request, response) => {
    pass(recorder, request, response).catch(() => response.destroy());
  });
  return listen(server, { host, port: options.port ?? 0 });
}

/** What is there already stays as it is, unless it is a recording: a line more would spoil a script. */
function refuseOtherFile(file: string): void {
  const text = readFileSync(file, "utf8");
  if (text.trim() === "") return;
  try {
    readCassette(text, file);
  } catch (cause) {
    throw new AgentFlowError("invalid_input", `${file} is there already and is no recording`, {
      reason: "invalid_cassette",
      suggestions: ["record to another file: --to FILE"],
      cause,
    });
  }
}

function upstreamOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const refuse = (why: string): AgentFlowError =>
    new AgentFlowError("invalid_input", `--upstream ${text} ${why}`, {
      reason: "invalid_upstream",
      suggestions: ["write the provider's address, such as https://api.openai.com"],
    });
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw refuse("is no address of a web server");
  if (url.username !== "" || url.password !== "")
    throw refuse("holds a password; a key comes with each request");
  const isLoopback = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol === "http:" && !isLoopback) throw refuse("would send keys in the clear: use https");
  return url;
}

interface Recorder {
  readonly options: RecordOptions;
  readonly upstream: URL;
  readonly host: string;
  readonly mask: Mask;
  count: number;
}

async function pass(recorder: Recorder, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!isHostAllowed(request, recorder.host)) {
    return sendJson(response, 403, { error: { message: "this proxy answers on loopback names alone" } });
  }
  const url = new URL(request.url ?? "/", "http://asked");
  // Never resolved against the upstream: a path that begins with two slashes would be another host.
  const target = new URL(recorder.upstream);
  target.pathname = recorder.upstream.pathname.replace(/\/$/, "") + url.pathname;
  target.search = url.search;
  const body = await bodyOf(request);
  const key = keyOf(request.headers, url.searchParams);
  if (key !== undefined) recorder.mask.learn(key);
  recorder.count += 1;
  const about = { n: recorder.count, method: request.method ?? "GET", path: maskedPath(url, recorder.mask) };
  const tell = (status: number, bytes: number, left?: Recorded["left"]): void =>
    recorder.options.onExchange?.({ ...about, status, bytes, ...(left === undefined ? {} : { left }) });
  if (body === undefined) {
    sendJson(response, 413, { error: { message: "the body is too long" } });
    return tell(413, 0, "too_long");
  }
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const answer = await ask(target, { request, body, signal: gone.signal });
  if (answer === undefined) {
    sendJson(response, 502, { error: { message: `${recorder.upstream.origin} cannot be reached` } });
    return tell(502, 0, "unreachable");
  }
  const bytes = await through(answer, response);
  if (bytes === undefined) return tell(answer.status, 0, "aborted");
  const exchange = exchangeOf({ request, path: about.path, body, answer, bytes, mask: recorder.mask });
  if (bytes.length > bodyBytesMax) return tell(answer.status, bytes.length, "too_long");
  if (exchange === undefined) return tell(answer.status, bytes.length, "secret");
  appendFileSync(recorder.options.to, exchangeText(exchange, recorder.options.to));
  tell(answer.status, bytes.length);
}

const notPassedOn = new Set([
  "host",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "accept-encoding",
  "expect",
  "upgrade",
  "te",
]);

interface Asking {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly signal: AbortSignal;
}

async function ask(target: URL, { request, body, signal }: Asking): Promise<Response | undefined> {
  const headers = new Headers({ "accept-encoding": "identity" });
  for (const [name, value] of Object.entries(request.headers)) {
    if (!notPassedOn.has(name) && typeof value === "string") headers.set(name, value);
  }
  const method = request.method ?? "GET";
  const hasBody = method !== "GET" && method !== "HEAD";
  try {
    // A redirect would carry the key to another address.
    const init = { method, headers, signal, redirect: "manual" } as const;
    return await fetch(target, hasBody ? { ...init, body: new Uint8Array(body) } : init);
  } catch {
    return undefined;
  }
}

const returned = [
  "content-type",
  "retry-after",
  "retry-after-ms",
  "x-amzn-errortype",
  "request-id",
  "x-request-id",
];

/** Passes each piece on as it comes. Undefined when either side went before the end. */
async function through(answer: Response, response: ServerResponse): Promise<Buffer | undefined> {
  const headers = returned.flatMap((name) => {
    const value = answer.headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  response.writeHead(answer.status, Object.fromEntries(headers));
  response.flushHeaders();
  const pieces: Uint8Array[] = [];
  const body: AsyncIterable<Uint8Array> | null = answer.body;
  try {
    for await (const piece of body ?? []) {
      pieces.push(piece);
      if (!(await write(response, piece))) return undefined;
    }
  } catch {
    response.destroy();
    return undefined;
  }
  response.end();
  return Buffer.concat(pieces);
}

interface Done {
  readonly request: IncomingMessage;
  readonly path: string;
  readonly body: Buffer;
  readonly answer: Response;
  readonly bytes: Buffer;
  readonly mask: Mask;
}

function exchangeOf({ request, path, body, answer, bytes, mask }: Done): Exchange | undefined {
  const asked = mask.body(body);
  const said = mask.body(bytes);
  if (asked === undefined || said === undefined) return undefined;
  return {
    v: 1,
    kind: "exchange",
    request: {
      method: request.method ?? "GET",
      path,
      headers: maskedHeaders(request.headers, mask),
      body: asked,
    },
    response: { status: answer.status, headers: maskedHeaders(answer.headers, mask), body: said },
  };
}
