/** Answers from a recording: what was asked is found again, what was not is a 404 that shows the nearest. */
import { hash } from "node:crypto";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { bytesOf } from "./cassette.ts";
import { canonicalBody, differences, distance } from "./difference.ts";
import type { Exchange } from "./exchange.ts";
import { type Listening, bodyOf, isHostAllowed, listen, sendJson } from "./http.ts";
import { keyOf } from "./keys.ts";
import { type MaskedBody, createMask, maskedPath } from "./mask.ts";

export interface ReplayOptions {
  readonly exchanges: readonly Exchange[];
  readonly host?: string;
  readonly port?: number;
  /** The values that were masked while it was recorded, so that requests with them are found again. */
  readonly secrets?: readonly string[];
  readonly onCall?: (replayed: Replayed) => void;
}

export interface Replayed {
  readonly n: number;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Number of the exchange that answered; absent when none was found. */
  readonly exchange?: number;
}

/** A request that was recorded several times gets its answers in order, then the last again. */
export async function startReplay(options: ReplayOptions): Promise<Listening> {
  const host = options.host ?? "127.0.0.1";
  const byRequest = new Map<string, number[]>();
  for (const [i, { request }] of options.exchanges.entries()) {
    const key = keyOfRequest(request.method, request.path, request.body);
    byRequest.set(key, [...(byRequest.get(key) ?? []), i]);
  }
  const replay: Replay = { options, host, byRequest, used: new Map(), count: 0 };
  const server = createServer((request, response) => {
    serve(replay, request, response).catch(() => response.destroy());
  });
  return listen(server, { host, port: options.port ?? 0 });
}

interface Replay {
  readonly options: ReplayOptions;
  readonly host: string;
  readonly byRequest: ReadonlyMap<string, readonly number[]>;
  readonly used: Map<string, number>;
  count: number;
}

function keyOfRequest(method: string, path: string, body: MaskedBody): string {
  return `${method} ${path} ${hash("sha256", canonicalBody(body))}`;
}

async function serve(replay: Replay, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!isHostAllowed(request, replay.host)) {
    return sendJson(response, 403, { error: { message: "this server answers on loopback names alone" } });
  }
  const url = new URL(request.url ?? "/", "http://asked");
  const key = keyOf(request.headers, url.searchParams);
  const mask = createMask([...(replay.options.secrets ?? []), ...(key === undefined ? [] : [key])]);
  const bytes = await bodyOf(request);
  const body = bytes === undefined ? undefined : mask.body(bytes);
  const method = request.method ?? "GET";
  const path = maskedPath(url, mask);
  replay.count += 1;
  const told = { n: replay.count, method, path };
  if (body === undefined) {
    sendJson(response, 413, { error: { message: "the body is too long" } });
    return replay.options.onCall?.({ ...told, status: 413 });
  }
  const found = find(replay, keyOfRequest(method, path, body));
  if (found === undefined) {
    sendJson(response, 404, { error: notRecorded(replay.options.exchanges, { method, path, body }) });
    return replay.options.onCall?.({ ...told, status: 404 });
  }
  const { status, headers, body: answer } = found.exchange.response;
  response.writeHead(status, headers);
  response.end(bytesOf(answer));
  replay.options.onCall?.({ ...told, status, exchange: found.index + 1 });
}

function find(
  replay: Replay,
  key: string,
): { readonly exchange: Exchange; readonly index: number } | undefined {
  const places = replay.byRequest.get(key) ?? [];
  const used = replay.used.get(key) ?? 0;
  const index = places[Math.min(used, places.length - 1)];
  const exchange = index === undefined ? undefined : replay.options.exchanges[index];
  if (index === undefined || exchange === undefined) return undefined;
  replay.used.set(key, used + 1);
  return { exchange, index };
}

interface AskedFor {
  readonly method: string;
  readonly path: string;
  readonly body: MaskedBody;
}

/** Of the requests to the same place the nearest, else the places that there are. */
function notRecorded(exchanges: readonly Exchange[], { method, path, body }: AskedFor) {
  const head = `this request was not recorded: ${method} ${path}`;
  const same = exchanges.filter(({ request }) => request.method === method && request.path === path);
  const [nearest] = same
    .map(({ request }) => ({ request, apart: distance(request.body, body) }))
    .toSorted((a, b) => a.apart - b.apart);
  if (nearest === undefined) {
    const places = [...new Set(exchanges.map(({ request }) => `${request.method} ${request.path}`))].slice(
      0,
      5,
    );
    return {
      message: `${head}; recorded are ${places.join(", ") || "none"}`,
      type: "not_recorded",
      code: null,
    };
  }
  const apart = differences(nearest.request.body, body);
  const places = nearest.apart === 1 ? "1 place" : `${nearest.apart} places`;
  const message = `${head}; the nearest one differs in ${places}: ${apart.join("; ")}`;
  return { message, type: "not_recorded", code: null };
}
