/** A server that speaks as the providers do and says what a script says. */
import { Buffer } from "node:buffer";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Json } from "@agentflow/protocol";
import { textAt } from "../json.ts";
import { parseJson } from "../parse-json.ts";
import { type Player, type ScriptAnswer, beatsOf, statusOf } from "../script/index.ts";
import { Calls, type MockCall } from "./calls.ts";
import {
  type Answering,
  type Asked,
  type Dialect,
  type Failing,
  type Memory,
  throughJsonTool,
} from "./dialect.ts";
import { embeddingsOf } from "./embeddings.ts";
import { type Listening, bodyOf, breakOff, isHostAllowed, listen, sendJson, write } from "./http.ts";
import { keyOf, maskedKey } from "./keys.ts";
import { knows, modelList } from "./models.ts";
import { type Route, basePaths, routeOf } from "./routes.ts";

export interface MockOptions {
  readonly player: Player;
  /** Loopback when left out. */
  readonly host?: string;
  /** Any free one when left out. */
  readonly port?: number;
  /** Called when a call has ended. */
  readonly onCall?: (call: MockCall) => void;
}

export interface MockLlm extends Listening {
  readonly calls: Calls;
  /** The address that each provider's package is given. */
  readonly baseUrls: { readonly [provider: string]: string };
}

export async function startMockLlm(options: MockOptions): Promise<MockLlm> {
  const host = options.host ?? "127.0.0.1";
  const house: House = { options, host, calls: new Calls(), memory: new Map() };
  const server = createServer((request, response) => {
    serve(house, request, response).catch(() => response.destroy());
  });
  const listening = await listen(server, { host, port: options.port ?? 0 });
  const baseUrls = Object.fromEntries(
    Object.entries(basePaths).map(([provider, path]) => [provider, `${listening.url}${path}`]),
  );
  return { ...listening, calls: house.calls, baseUrls };
}

interface House {
  readonly options: MockOptions;
  readonly host: string;
  readonly calls: Calls;
  readonly memory: Memory;
}

async function serve(house: House, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!isHostAllowed(request, house.host)) {
    return sendJson(response, 403, { error: { message: "this server answers on loopback names alone" } });
  }
  const url = new URL(request.url ?? "/", "http://mock");
  if (url.pathname === "/_calls") return sendCalls(house, response);
  const route = routeOf(url.pathname);
  if (route === undefined || route.method !== request.method) {
    const message = `nothing is served under ${request.method ?? ""} ${url.pathname}`;
    return sendJson(response, 404, {
      error: { message, type: "invalid_request_error", param: null, code: null },
    });
  }
  const body = await bodyOf(request);
  const key = keyOf(request.headers, url.searchParams);
  const call = new Serving({ house, route, response, key, path: url.pathname });
  if (body === undefined)
    return call.fail({ failure: "bad_request", status: 413, message: "the body is too long" });
  await call.serve(body.toString("utf8"), request.headers["anthropic-version"] !== undefined);
}

function sendCalls({ calls }: House, response: ServerResponse): void {
  const kept = calls.kept.map((call): Json => ({ ...call }));
  sendJson(response, 200, { count: calls.count, byOutcome: calls.byOutcome, calls: kept });
}

interface About {
  readonly house: House;
  readonly route: Route;
  readonly response: ServerResponse;
  readonly key: string | undefined;
  readonly path: string;
}

/** One request on its way to an answer. */
class Serving {
  readonly #about: About;
  readonly #n: number;
  readonly #gone = new AbortController();
  #model: string;
  #asked: Asked | undefined;
  #why: string | undefined;
  #answer: ScriptAnswer | undefined;

  constructor(about: About) {
    this.#about = about;
    this.#n = about.house.calls.next();
    this.#model = about.route.model;
    about.response.on("close", () => this.#gone.abort());
  }

  async serve(text: string, anthropic: boolean): Promise<void> {
    const { house, route, response, key } = this.#about;
    const { keys, models } = house.options.player.script;
    if (keys !== undefined && (key === undefined || !keys.includes(key))) {
      const message =
        key === undefined ? "No API key was given." : `Incorrect API key provided: ${maskedKey(key)}.`;
      return this.fail({ failure: "auth", status: statusOf.auth, message });
    }
    if (typeof route.does === "object" && "list" in route.does) {
      sendJson(response, 200, modelList(route.does.list, models, anthropic));
      return this.#ended("listed", 200);
    }
    const body = parseJson(text);
    if (body === undefined) return this.#refuse("the body is no JSON");
    const read = route.does === "answer" ? this.#read(route.dialect, body) : undefined;
    if (typeof read === "string") return this.#refuse(read);
    this.#model = read?.request.model ?? this.#modelOf(body);
    if (!knows(models, this.#model)) {
      const message = `The model '${this.#model.slice(0, 100)}' does not exist or is not yours.`;
      return this.fail({ failure: "model_not_found", status: statusOf.model_not_found, message });
    }
    if (read === undefined) return this.#embed(body);
    this.#asked = read;
    await this.#speak(read);
  }

  /** Says it the provider's way. */
  fail(failing: Failing, headers: { readonly [name: string]: string } = {}): void {
    const answer = this.#about.route.dialect.failure(failing);
    sendJson(this.#about.response, answer.status, answer.body, { ...answer.headers, ...headers });
    this.#why = failing.message.slice(0, whyCharsMax);
    this.#ended("failed", answer.status);
  }

  #refuse(message: string): void {
    this.fail({ failure: "bad_request", status: statusOf.bad_request, message });
  }

  #read(dialect: Dialect, body: Json): Asked | string {
    const { model, stream } = this.#about.route;
    return dialect.read(body, { model, stream, memory: this.#about.house.memory });
  }

  #modelOf(body: Json): string {
    return this.#model === "" ? textAt(body, "model") : this.#model;
  }

  #embed(body: Json): void {
    const { does } = this.#about.route;
    if (typeof does === "string" || !("embed" in does)) return;
    sendJson(this.#about.response, 200, embeddingsOf(does.embed, body, this.#model));
    this.#ended("embedded", 200);
  }

  async #speak(asked: Asked): Promise<void> {
    const answer = this.#about.house.options.player.answer(asked.request);
    this.#answer = answer;
    switch (answer.kind) {
      case "failure":
        return this.fail(answer, retryAfter(answer.retryAfterMs));
      case "hang":
        await this.#untilGone();
        return this.#ended("hung", 0);
      default:
        return asked.stream ? this.#stream(asked, answer) : this.#whole(asked, answer);
    }
  }

  async #untilGone(): Promise<void> {
    const { signal } = this.#gone;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  #answering(asked: Asked, answer: Reply): Answering {
    const reply = asked.jsonTool === true ? throughJsonTool(answer.reply) : answer.reply;
    return { reply, asked, n: this.#n, memory: this.#about.house.memory };
  }

  async #stream(asked: Asked, answer: Reply): Promise<void> {
    const { response, route } = this.#about;
    const answering = this.#answering(asked, answer);
    const chunksOf = route.dialect.stream(answering);
    response.writeHead(200, { "content-type": route.dialect.streamType, "cache-control": "no-cache" });
    response.flushHeaders();
    const pace = new Pace(this.#gone.signal);
    for (const beat of beatsOf({ ...answer, reply: answering.reply })) {
      if (beat.kind === "wait") {
        if (!(await pace.wait(beat.ms))) return this.#ended("left", 200);
        continue;
      }
      for (const chunk of chunksOf(beat)) {
        if (!(await write(response, chunk))) return this.#ended("left", 200);
      }
      if (beat.kind === "cut") {
        await breakOff(response);
        return this.#ended("cut", 200);
      }
    }
    response.end();
    this.#ended("replied", 200);
  }

  async #whole(asked: Asked, answer: Reply): Promise<void> {
    const { response, route } = this.#about;
    const { delayMs = 0 } = answer.pace;
    if (delayMs > 0 && !(await new Pace(this.#gone.signal).wait(delayMs))) return this.#ended("left", 200);
    const text = JSON.stringify(route.dialect.whole(this.#answering(asked, answer)));
    const body = answer.malformed === true ? text.slice(0, Math.floor(text.length / 2)) : text;
    const headers = { "content-type": "application/json" };
    if (answer.cut === undefined) {
      response.writeHead(200, headers);
      response.end(body);
      return this.#ended("replied", 200);
    }
    // More is promised than comes.
    response.writeHead(200, { ...headers, "content-length": Buffer.byteLength(text) + 1 });
    await write(response, body.slice(0, answer.cut));
    await breakOff(response);
    this.#ended("cut", 200);
  }

  #ended(outcome: MockCall["outcome"], status: number): void {
    const { house, route, key, path } = this.#about;
    const asked = this.#asked;
    const answer = this.#answer;
    const call: MockCall = {
      n: this.#n,
      dialect: route.dialect.name,
      path,
      model: this.#model,
      stream: asked?.stream ?? false,
      key: maskedKey(key),
      outcome,
      status,
      ...(answer === undefined ? {} : { rule: answer.rule }),
      ...(this.#why === undefined ? {} : { why: this.#why }),
      ...(answer?.kind === "reply"
        ? { inputTokens: answer.reply.usage.inputTokens, outputTokens: answer.reply.usage.outputTokens }
        : {}),
      ...(asked === undefined ? {} : aboutOf(asked)),
    };
    house.calls.add(call);
    house.options.onCall?.(call);
  }
}

type Reply = Extract<ScriptAnswer, { kind: "reply" }>;

const messageCharsMax = 120;
const whyCharsMax = 1_000;

function aboutOf({ request }: Asked): Pick<MockCall, "turn" | "message"> {
  const last = request.messages.findLast(({ role }) => role === "user");
  const text = last?.role === "user" ? last.text : "";
  return {
    turn: 1 + request.messages.filter(({ role }) => role === "assistant").length,
    message: text.slice(0, messageCharsMax),
  };
}

function retryAfter(ms: number | undefined): { readonly [name: string]: string } {
  if (ms === undefined) return {};
  return { "retry-after": String(Math.ceil(ms / 1_000)), "retry-after-ms": String(ms) };
}

/** Waits that add up: a piece that came late does not make the next one late. */
class Pace {
  readonly #gone: AbortSignal;
  #due: number | undefined;

  constructor(gone: AbortSignal) {
    this.#gone = gone;
  }

  /** False when nobody waits any more. */
  async wait(ms: number): Promise<boolean> {
    const now = performance.now();
    this.#due = (this.#due ?? now) + ms;
    const left = this.#due - now;
    if (left < 1) return !this.#gone.aborted;
    try {
      await sleep(left, undefined, { signal: this.#gone });
      return true;
    } catch {
      return false;
    }
  }
}
