/** A model server that gives away the key it is called with: in pieces, in calls, in errors. */
import { createServer } from "node:http";

export interface EchoModel {
  readonly url: string;
  /** How many calls brought a key. */
  readonly keys: string[];
  close(): Promise<void>;
}

export async function startEchoModel(): Promise<EchoModel> {
  const keys: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
    request.on("end", () => {
      const key = String(request.headers.authorization).replace("Bearer ", "");
      keys.push(key);
      if (body.includes('"refuse-me"')) {
        response.writeHead(401, {
          "content-type": "application/json",
          "x-your-key": encodeURIComponent(key),
        });
        response.end(JSON.stringify({ error: { message: `Incorrect API key provided: ${key}`, code: key } }));
        return;
      }
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const delta of body.includes('"role":"tool"') ? answer(key) : ask(key)) {
        const choices = [{ index: 0, delta, finish_reason: null }];
        response.write(`data: ${JSON.stringify({ id: `id-${key}`, model: `m-${key}`, choices })}\n\n`);
      }
      const finish_reason = body.includes('"role":"tool"') ? "stop" : "tool_calls";
      const usage = { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 };
      const choices = [{ index: 0, delta: {}, finish_reason }];
      response.end(`data: ${JSON.stringify({ id: "x", choices, usage })}\n\ndata: [DONE]\n\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    keys,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function ask(key: string): object[] {
  const call = { name: "leak__echo", arguments: JSON.stringify({ text: key }) };
  return [
    ...piecesOf(`the key is ${key} you know`),
    { tool_calls: [{ index: 0, id: `c-${key}`, type: "function", function: call }] },
  ];
}

function answer(key: string): object[] {
  return piecesOf(`again ${Buffer.from(`key:${key}`).toString("base64")} and ${encodeURIComponent(key)}`);
}

function piecesOf(text: string): object[] {
  return (text.match(/[^]{1,3}/g) ?? []).map((content) => ({ role: "assistant", content }));
}
