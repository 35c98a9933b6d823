/**
 * A model that counts: an OpenAI-compatible server in the process that measures, so what it was asked
 * survives whatever is killed. The reply depends on the turn alone.
 */
import http from "node:http";
import { sleep } from "../lib/children.ts";
import { parseChat } from "./parse-chat.ts";

export const turnsNeeded = 5;

/** Where a turn can be struck from here. */
export type ModelPoint = "asked" | "replying" | "replied";

export interface CountingModel {
  readonly url: string;
  /** Model calls by run. */
  readonly calls: ReadonlyMap<string, number>;
  close(): void;
}

interface Call {
  readonly name: string;
  readonly arguments: { readonly [key: string]: unknown };
}

/** What each turn asks for: a look and a note side by side, a note, the payment, both again, the end. */
const turns: readonly (readonly Call[])[] = [
  [call("work__look", { n: 1 }), call("work__note", { n: 2 })],
  [call("work__note", { n: 3 })],
  [call("work__pay", { n: 4 })],
  [call("work__look", { n: 5 }), call("work__note", { n: 6 })],
  [],
];

function call(name: string, given: Call["arguments"]): Call {
  return { name, arguments: given };
}

export async function startModel(on: (point: ModelPoint, run: string) => void): Promise<CountingModel> {
  const calls = new Map<string, number>();
  const server = http.createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const asked = parseChat(body);
    if (asked === undefined) {
      response.writeHead(400).end('{"error":{"message":"no run id in the messages"}}');
      return;
    }
    const { run, replies } = asked;
    calls.set(run, (calls.get(run) ?? 0) + 1);
    on("asked", run);
    response.writeHead(200, { "content-type": "text/event-stream" });
    const pieces = replies >= turnsNeeded - 1 ? ["all ", "is ", "done"] : ["let ", "me ", "see"];
    for (const [i, piece] of pieces.entries()) {
      say(response, { content: piece });
      if (i === 1) on("replying", run);
      await sleep(3);
    }
    const wanted = turns[Math.min(replies, turnsNeeded - 1)] ?? [];
    for (const [index, { name, arguments: given }] of wanted.entries()) {
      const of = { name, arguments: JSON.stringify({ ...given, run }) };
      say(response, { tool_calls: [{ index, id: `c${replies}_${index}`, type: "function", function: of }] });
    }
    say(response, {}, wanted.length === 0 ? "stop" : "tool_calls");
    response.end("data: [DONE]\n\n", () => on("replied", run));
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port for the model");
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    calls,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function say(response: http.ServerResponse, delta: object, finish: string | null = null): void {
  const chunk = {
    id: "chat-1",
    object: "chat.completion.chunk",
    created: 1,
    model: "counting",
    choices: [{ index: 0, delta: { role: "assistant", ...delta }, finish_reason: finish }],
    ...(finish === null ? {} : { usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 } }),
  };
  response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}
