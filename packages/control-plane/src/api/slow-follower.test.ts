/** Followers that do not read, over real connections. */
import { defaultTenant, parseId } from "@agentflow/protocol";
import { once } from "node:events";
import http from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Voice } from "../projector/live/fixtures/voice.ts";
import { ask, type House, openHouse, runId, token } from "./fixtures/house.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const headers = { authorization: `Bearer ${token}` };
const piece = "x".repeat(16_000);
/** Far more than the buffers of a connection and of both its ends take. */
const pieces = 2_000;

async function speaking(): Promise<{ run: string; voice: Voice }> {
  const run = runId();
  await ask(house, "POST", "/v1/runs", { body: { run, workflow: "held", input: { x: 1 } } });
  const of = { tenant: defaultTenant, run: parseId("run", run), step: parseId("step instance", "a") };
  const voice = new Voice({ bus: house.bus.client(`voice-${run}`), ...of });
  await voice.called(1);
  return { run, voice };
}

/** Follows over SSE and reads all of it. */
class Reader {
  /** Pieces that came. */
  count = 0;
  isThere = false;
  /** Resolves once it has the reply. */
  readonly done: Promise<void>;

  constructor(run: string) {
    this.done = this.read(run);
  }

  private async read(run: string): Promise<void> {
    const response = await fetch(`${house.url}/v1/events?runs=${run}&live=1`, { headers });
    let text = "";
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      this.isThere ||= text.includes("model_called");
      const messages = text.split("\n\n");
      text = messages.pop() ?? "";
      this.count += messages.filter((message) => message.startsWith("event: live")).length;
      if (messages.some((message) => message.includes("model_replied"))) return;
    }
  }
}

/** Says it all, as fast as the one who reads has it. */
async function sayAll(voice: Voice, reader: Reader): Promise<void> {
  for (let n = 0; n < pieces; n++) {
    voice.say(1, n * piece.length, piece);
    while (reader.count < n - 4) await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a stream that is not read is told no more pieces, stays open, and the other one gets all", async () => {
  const { run, voice } = await speaking();
  const reader = new Reader(run);
  const deaf = http.get(`${house.url}/v1/events?runs=${run}&live=1`, { headers });
  const [answer] = await once(deaf, "response");
  await expect.poll(() => reader.isThere).toBe(true);
  await sayAll(voice, reader);
  await voice.replied(1, "short");
  await reader.done;
  expect(reader.count).toBe(pieces);
  // Nothing ended it: what it missed it gets from the journal, once it reads.
  let [text, live] = ["", 0];
  for await (const chunk of answer) {
    text += String(chunk);
    if (text.includes("model_replied")) break;
  }
  live = text.split("\n\n").filter((message) => message.startsWith("event: live")).length;
  expect(live).toBeGreaterThan(0);
  expect(live).toBeLessThan(pieces);
  deaf.destroy();
});

test("a socket that is not read is told no more pieces, and stays open", async () => {
  const { run, voice } = await speaking();
  const reader = new Reader(run);
  const socket = new WebSocket(`${house.url.replace("http", "ws")}/v1/socket`, { headers });
  await once(socket, "open");
  const got: string[] = [];
  socket.on("message", (data: Buffer) => void got.push(data.toString()));
  socket.send(JSON.stringify([["follow", 1, run, "", { live: true }]]));
  await expect.poll(() => got.join("")).toContain("model_called");
  socket.pause();
  await expect.poll(() => reader.isThere).toBe(true);
  await sayAll(voice, reader);
  await voice.replied(1, "short");
  await reader.done;
  expect(reader.count).toBe(pieces);
  expect(socket.readyState).toBe(WebSocket.OPEN);
  socket.resume();
  await expect.poll(() => got.join("").includes("model_replied")).toBe(true);
  const live = got.flatMap((frame) => JSON.parse(frame)).filter(([kind]) => kind === "live").length;
  expect(live).toBeGreaterThan(0);
  expect(live).toBeLessThan(pieces);
  socket.close();
});
