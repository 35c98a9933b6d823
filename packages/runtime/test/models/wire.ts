/** Tiny servers that speak as providers do: one answer in plain words, written in each wire format. */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { crc32 } from "node:zlib";

/** What the server is to answer. */
export type Said =
  | { readonly kind: "reply"; readonly text?: string; readonly calls?: readonly SaidCall[] }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: { [name: string]: string };
      readonly message: string;
    }
  /** The head of a reply, and then the connection is gone. */
  | { readonly kind: "cut" }
  /** A stream that ends in order, without having said that the reply is whole. */
  | { readonly kind: "short" }
  | { readonly kind: "hang" }
  | { readonly kind: "garbage" };

export interface SaidCall {
  readonly id: string;
  readonly tool: string;
  /** Letter by letter. */
  readonly input: string;
}

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: { readonly [key: string]: unknown };
}

export interface WireServer {
  readonly url: string;
  readonly seen: Seen[];
  say(said: Said): void;
  close(): Promise<void>;
}

export type Wire = "chat" | "mistral" | "responses" | "anthropic" | "google" | "bedrock";

export async function wireServer(wire: Wire): Promise<WireServer> {
  let next: Said = { kind: "reply", text: "hello" };
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      answer(wire, next, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${portOf(server)}/v1`,
    seen,
    say(said) {
      next = said;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function bodyOf(request: IncomingMessage): Promise<Seen["body"]> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return JSON.parse(Buffer.concat(chunks).toString() || "{}");
}

function answer(wire: Wire, said: Said, response: ServerResponse): void {
  if (said.kind === "hang") return;
  if (said.kind === "status") {
    response.writeHead(said.status, { "content-type": "application/json", ...said.headers });
    response.end(JSON.stringify(errorBody(wire, said)));
    return;
  }
  const binary = wire === "bedrock";
  response.writeHead(200, {
    "content-type": binary ? "application/vnd.amazon.eventstream" : "text/event-stream",
  });
  if (said.kind === "garbage") {
    response.end(binary ? "garbage" : "data: {no json\n\ndata: [DONE]\n\n");
    return;
  }
  const whole = eventsOf(wire, said.kind === "reply" ? said : { kind: "reply", text: "hello there" });
  const events = said.kind === "reply" ? whole : whole.slice(0, beginning[wire]);
  for (const event of events) response.write(event);
  if (said.kind === "cut") setTimeout(() => response.destroy(), 20);
  else response.end();
}

/** How many events hold the first piece of text, and no end. */
const beginning: { readonly [W in Wire]: number } = {
  chat: 2,
  mistral: 2,
  responses: 4,
  anthropic: 3,
  google: 1,
  bedrock: 3,
};

function errorBody(wire: Wire, { status, message }: Extract<Said, { kind: "status" }>): unknown {
  switch (wire) {
    case "anthropic":
      return { type: "error", error: { type: `error_${status}`, message } };
    case "google":
      return { error: { code: status, message, status: `ERROR_${status}` } };
    case "bedrock":
      return { message };
    case "mistral":
      return { object: "error", message, type: `error_${status}`, param: null, code: null };
    default:
      return { error: { message, type: `error_${status}`, code: null, param: null } };
  }
}

type Reply = Extract<Said, { kind: "reply" }>;

function eventsOf(wire: Wire, reply: Reply): readonly (string | Buffer)[] {
  switch (wire) {
    case "chat":
    case "mistral":
      return [...chatEvents(reply, wire === "mistral").map(sse), "data: [DONE]\n\n"];
    case "responses":
      return responsesEvents(reply).map(sse);
    case "anthropic":
      return anthropicEvents(reply).map((event) => `event: ${String(event["type"])}\n${sse(event)}`);
    case "google":
      return googleEvents(reply).map(sse);
    default:
      return bedrockEvents(reply).map(([type, payload]) => frame(type, payload));
  }
}

type Event = { readonly [key: string]: unknown };

function sse(event: Event): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}

function halves(text: string): [string, string] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

/** Mistral says calls whole, and the usage with the end. */
function chatEvents({ text = "", calls = [] }: Reply, whole: boolean): Event[] {
  const chunk = (delta: Event, more: Event = {}): Event => ({
    id: "chat-1",
    object: "chat.completion.chunk",
    created: 1,
    model: "model-1",
    choices: [{ index: 0, delta, finish_reason: null, ...more }],
  });
  const finish = chunk({ content: "" }, { finish_reason: calls.length > 0 ? "tool_calls" : "stop" });
  return [
    chunk({ role: "assistant", content: "" }),
    ...(text === "" ? [] : halves(text).map((content) => chunk({ content }))),
    ...calls.flatMap(({ id, tool, input }, index) => {
      const [head, tail] = whole ? [input, ""] : halves(input);
      const first = chunk({
        tool_calls: [{ index, id, type: "function", function: { name: tool, arguments: head } }],
      });
      if (whole) return [first];
      return [first, chunk({ tool_calls: [{ index, function: { arguments: tail } }] })];
    }),
    ...(whole
      ? [{ ...finish, usage: chatUsage }]
      : [finish, { ...chunk({}), choices: [], usage: chatUsage }]),
  ];
}

const chatUsage = {
  prompt_tokens: 12,
  completion_tokens: 7,
  total_tokens: 19,
  prompt_tokens_details: { cached_tokens: 4 },
};

function responsesEvents({ text = "", calls = [] }: Reply): Event[] {
  const items: Event[] = [];
  const events: Event[] = [
    { type: "response.created", response: { id: "resp-1", created_at: 1, model: "model-1" } },
  ];
  if (text !== "") {
    const item = { type: "message", id: "msg-1", role: "assistant" };
    events.push({ type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } });
    for (const delta of halves(text)) {
      events.push({
        type: "response.output_text.delta",
        item_id: "msg-1",
        output_index: 0,
        content_index: 0,
        delta,
      });
    }
    const done = { ...item, content: [{ type: "output_text", text, annotations: [] }] };
    events.push({ type: "response.output_item.done", output_index: 0, item: done });
    items.push(done);
  }
  for (const [at, { id, tool, input }] of calls.entries()) {
    const item = { type: "function_call", id: `fc-${at}`, call_id: id, name: tool };
    const index = items.length;
    events.push({
      type: "response.output_item.added",
      output_index: index,
      item: { ...item, arguments: "", status: "in_progress" },
    });
    for (const delta of halves(input)) {
      events.push({
        type: "response.function_call_arguments.delta",
        item_id: item.id,
        output_index: index,
        delta,
      });
    }
    const done = { ...item, arguments: input, status: "completed" };
    events.push({ type: "response.output_item.done", output_index: index, item: done });
    items.push(done);
  }
  const usage = {
    input_tokens: 12,
    input_tokens_details: { cached_tokens: 4 },
    output_tokens: 7,
    output_tokens_details: { reasoning_tokens: 0 },
  };
  events.push({
    type: "response.completed",
    response: {
      id: "resp-1",
      created_at: 1,
      model: "model-1",
      output: items,
      usage,
      incomplete_details: null,
    },
  });
  return events.map((event, sequence) => ({ ...event, sequence_number: sequence }));
}

function anthropicEvents({ text = "", calls = [] }: Reply): Event[] {
  const usage = {
    input_tokens: 8,
    cache_read_input_tokens: 4,
    cache_creation_input_tokens: 0,
    output_tokens: 1,
  };
  const message = { id: "msg-1", type: "message", role: "assistant", model: "model-1", content: [], usage };
  const events: Event[] = [
    { type: "message_start", message: { ...message, stop_reason: null, stop_sequence: null } },
  ];
  let index = 0;
  if (text !== "") {
    events.push({ type: "content_block_start", index, content_block: { type: "text", text: "" } });
    for (const half of halves(text)) {
      events.push({ type: "content_block_delta", index, delta: { type: "text_delta", text: half } });
    }
    events.push({ type: "content_block_stop", index });
    index++;
  }
  for (const { id, tool, input } of calls) {
    events.push({
      type: "content_block_start",
      index,
      content_block: { type: "tool_use", id, name: tool, input: {} },
    });
    for (const half of halves(input)) {
      events.push({
        type: "content_block_delta",
        index,
        delta: { type: "input_json_delta", partial_json: half },
      });
    }
    events.push({ type: "content_block_stop", index });
    index++;
  }
  const stop = calls.length > 0 ? "tool_use" : "end_turn";
  events.push({
    type: "message_delta",
    delta: { stop_reason: stop, stop_sequence: null },
    usage: { output_tokens: 7 },
  });
  events.push({ type: "message_stop" });
  return events;
}

function googleEvents({ text = "", calls = [] }: Reply): Event[] {
  const chunk = (parts: readonly Event[], more: Event = {}): Event => ({
    candidates: [{ content: { role: "model", parts }, index: 0, ...more }],
    modelVersion: "model-1",
    responseId: "resp-1",
    usageMetadata: {
      promptTokenCount: 12,
      candidatesTokenCount: 7,
      totalTokenCount: 19,
      cachedContentTokenCount: 4,
    },
  });
  return [
    ...(text === "" ? [] : halves(text).map((half) => chunk([{ text: half }]))),
    ...calls.map(({ tool, input }) => chunk([{ functionCall: { name: tool, args: JSON.parse(input) } }])),
    chunk([{ text: "" }], { finishReason: "STOP" }),
  ];
}

function bedrockEvents({ text = "", calls = [] }: Reply): [string, Event][] {
  const events: [string, Event][] = [["messageStart", { role: "assistant" }]];
  let index = 0;
  if (text !== "") {
    for (const half of halves(text)) {
      events.push(["contentBlockDelta", { contentBlockIndex: index, delta: { text: half } }]);
    }
    events.push(["contentBlockStop", { contentBlockIndex: index }]);
    index++;
  }
  for (const { id, tool, input } of calls) {
    const start = { toolUse: { toolUseId: id, name: tool } };
    events.push(["contentBlockStart", { contentBlockIndex: index, start }]);
    for (const half of halves(input)) {
      events.push(["contentBlockDelta", { contentBlockIndex: index, delta: { toolUse: { input: half } } }]);
    }
    events.push(["contentBlockStop", { contentBlockIndex: index }]);
    index++;
  }
  const stopReason = calls.length > 0 ? "tool_use" : "end_turn";
  const usage = { inputTokens: 8, outputTokens: 7, totalTokens: 19, cacheReadInputTokens: 4 };
  events.push(["messageStop", { stopReason }], ["metadata", { usage, metrics: { latencyMs: 1 } }]);
  return events;
}

/** One message of AWS's event stream: lengths, headers, payload, and a checksum of each half. */
function frame(type: string, payload: Event): Buffer {
  const headers = Buffer.concat(
    Object.entries({
      ":message-type": "event",
      ":event-type": type,
      ":content-type": "application/json",
    }).map(([name, value]) => {
      const size = Buffer.alloc(2);
      size.writeUInt16BE(Buffer.byteLength(value));
      return Buffer.concat([
        Buffer.from([name.length]),
        Buffer.from(name),
        Buffer.from([7]),
        size,
        Buffer.from(value),
      ]);
    }),
  );
  const body = Buffer.from(JSON.stringify(payload));
  const prelude = Buffer.alloc(8);
  prelude.writeUInt32BE(8 + 4 + headers.length + body.length + 4, 0);
  prelude.writeUInt32BE(headers.length, 4);
  const head = Buffer.concat([prelude, checksum(prelude), headers, body]);
  return Buffer.concat([head, checksum(head)]);
}

function checksum(bytes: Buffer): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes) >>> 0);
  return sum;
}
