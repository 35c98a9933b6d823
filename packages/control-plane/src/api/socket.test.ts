import { defaultTenant, parseId } from "@agentflow/protocol";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Voice } from "../projector/live/fixtures/voice.ts";
import { type House, openHouse, runId, token } from "./fixtures/house.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse({ origins: ["https://console.example"] });
});
afterAll(() => house.close());

type Message = readonly [string, number, Record<string, unknown>, string?];

interface Wire {
  readonly socket: WebSocket;
  readonly got: Message[];
  readonly frames: string[];
  send(...messages: unknown[]): void;
  /** The first message that matches, also one that came before. */
  until(match: (message: Message) => boolean): Promise<Message>;
}

async function open(auth = token): Promise<Wire> {
  const socket = new WebSocket(`${house.url.replace("http", "ws")}/v1/socket`, {
    headers: { authorization: `Bearer ${auth}` },
  });
  await once(socket, "open");
  const got: Message[] = [];
  const frames: string[] = [];
  let wake = (): void => {};
  socket.on("message", (data: Buffer) => {
    frames.push(data.toString());
    got.push(...JSON.parse(data.toString()));
    wake();
  });
  return {
    socket,
    got,
    frames,
    send: (...messages) => socket.send(JSON.stringify(messages)),
    async until(match) {
      for (;;) {
        const found = got.find(match);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

function deep(levels: number): unknown {
  let value: unknown[] = [];
  for (let i = 1; i < levels; i++) value = [value];
  return value;
}

const body = (x: number, workflow = "echo", run = runId()) => ({ run, workflow, input: { x } });

describe("the socket", () => {
  test("starts many runs in a frame, answers each under its number, many a frame", async () => {
    const wire = await open();
    wire.send(...Array.from({ length: 200 }, (_, x) => ["start", x, body(x), 10_000]));
    await expect.poll(() => wire.got.length, { timeout: 10_000 }).toBe(200);
    for (const [kind, id, answer] of wire.got) {
      expect(kind).toBe("answer");
      expect(answer).toMatchObject({ status: "completed", output: id });
    }
    expect(wire.frames.length).toBeLessThan(200);
    wire.socket.close();
  });

  test("a bad message fails alone, whatever is wrong with it", async () => {
    const wire = await open();
    wire.send(
      ["start", 1, body(1), 10_000],
      ["start", 2, { run: "no", workflow: "echo" }, 0],
      ["start", 3, { ...body(1), inptu: 1 }, 0],
      ["start", 4, body(1), -1],
      ["start", 5, body(1), 1e9],
      ["start", 6, { ...body(1), workflow: "nothing" }, 0],
      ["start", 7, { ...body(1), input: "x".repeat(300_000) }, 0],
      ["start", 8, null, 0],
      ["start", 16, { ...body(1), input: deep(4_000) }, 0],
      ["wait", 9, "../x", 0],
      ["wait", 10, runId(), 0],
      ["follow", 11, runId(), ""],
      ["follow", 12, "*", ""],
      ["explode", 13],
      ["unfollow", 14],
      ["start", 15, body(15), 10_000],
    );
    await wire.until(([, id]) => id === 15);
    await wire.until(([, id]) => id === 11);
    const kinds = Object.fromEntries(wire.got.map(([kind, id]) => [id, kind]));
    expect(kinds[1]).toBe("answer");
    expect(kinds[15]).toBe("answer");
    for (const id of [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16])
      expect(kinds[id], String(id)).toBe("error");
    for (const [kind, , error] of wire.got) if (kind === "error") expect(error["code"]).not.toBe("internal");
    wire.socket.close();
  });

  test("a start that is refused on the spot, alone in its frame, does no harm", async () => {
    const wire = await open();
    wire.send(["start", 1, { ...body(1), run: `r${"7".repeat(26)}` }, 0]);
    const [kind] = await wire.until(([, id]) => id === 1);
    expect(kind).toBe("error");
    wire.send(["start", 2, body(2), 10_000]);
    expect(await wire.until(([, id]) => id === 2)).toMatchObject(["answer", 2, { output: 2 }]);
    wire.socket.close();
  });

  test("follows a run from any cursor to its end, and stops when told", async () => {
    const wire = await open();
    const one = body(1);
    wire.send(["start", 1, one, 10_000]);
    await wire.until(([, id]) => id === 1);
    wire.send(["follow", 2, one.run, ""]);
    await wire.until(([kind, id]) => kind === "end" && id === 2);
    const events = wire.got.filter(([kind, id]) => kind === "event" && id === 2);
    expect(events.length).toBeGreaterThan(4);
    wire.send(["follow", 3, one.run, events[2]?.[3]]);
    await wire.until(([kind, id]) => kind === "end" && id === 3);
    const rest = wire.got.filter(([kind, id]) => kind === "event" && id === 3);
    expect(rest.map(([, , event]) => event)).toEqual(events.slice(3).map(([, , event]) => event));

    const held = body(1, "held");
    wire.send(["start", 4, held, 0]);
    await wire.until(([, id]) => id === 4);
    wire.send(["follow", 5, held.run, ""]);
    await wire.until(([kind, id]) => kind === "event" && id === 5);
    wire.send(["follow", 5, held.run, ""]);
    expect((await wire.until(([kind, id]) => kind === "error" && id === 5))[2]).toMatchObject({
      code: "invalid_input",
    });
    wire.send(["unfollow", 5]);
    await wire.until(([kind, id]) => kind === "end" && id === 5);
    wire.socket.close();
  });

  test("follows journals and what is told live where that is asked for, from any cursor", async () => {
    const wire = await open();
    const held = body(1, "held");
    wire.send(["start", 1, held, 0]);
    await wire.until(([, id]) => id === 1);
    wire.send(["follow", 2, held.run, "", { live: true, more: 1 }], ["follow", 3, held.run, ""]);
    await wire.until(([kind, id]) => kind === "event" && id === 2);
    const step = parseId("step instance", "a");
    const of = { tenant: defaultTenant, run: parseId("run", held.run), step };
    const voice = new Voice({ bus: house.bus.client("voice"), ...of });
    await voice.begin();
    await voice.called(1);
    await wire.until(
      ([kind, , { record }]) => kind === "journal" && JSON.stringify(record).includes("model_called"),
    );
    voice.say(1, 0, "hel");
    const [, , live] = await wire.until(([kind]) => kind === "live");
    expect(live).toMatchObject({
      run: held.run,
      live: { step: "a", parts: [{ n: 1, from: 0, text: "hel" }] },
    });
    await voice.replied(1, "hello");
    house.release();
    await wire.until(([kind, id]) => kind === "end" && id === 2);
    await wire.until(([kind, id]) => kind === "end" && id === 3);
    const told = wire.got.filter(([kind, id]) => id === 2 && (kind === "event" || kind === "journal"));
    expect(told.filter(([kind]) => kind === "journal")).toHaveLength(3);
    expect(wire.got.some(([kind, id]) => id === 3 && (kind === "journal" || kind === "live"))).toBe(false);
    for (const [cut, [, , , cursor]] of told.entries()) {
      const id = 10 + cut;
      wire.send(["follow", id, held.run, cursor, { live: true }]);
      await wire.until(([kind, to]) => kind === "end" && to === id);
      const rest = wire.got.filter(([kind, to]) => to === id && kind !== "end" && kind !== "live");
      expect(rest.map(([kind, , what]) => [kind, what])).toEqual(
        told.slice(cut + 1).map(([kind, , what]) => [kind, what]),
      );
    }
    wire.socket.close();
  });

  test.each([
    ["{"],
    ["{}"],
    ["[1]"],
    ["[[]]"],
    ['[["start"]]'],
    ['"é’𝄞'.repeat(60)],
    ["null"],
    [JSON.stringify(Array.from({ length: 1_001 }, () => ["unfollow", 1]))],
  ])("a frame that is none (%s) closes with 1008", async (text) => {
    const wire = await open();
    wire.socket.send(text);
    const [code] = await once(wire.socket, "close");
    expect(code).toBe(1008);
  });

  test("a frame over 4 MiB closes with 1009", async () => {
    const wire = await open();
    wire.socket.on("error", () => undefined);
    wire.socket.send("x".repeat(4 * 1024 * 1024 + 1));
    const [code] = await once(wire.socket, "close");
    expect([1009, 1006]).toContain(code);
  });

  test("does what its key may, message by message", async () => {
    const { keys } = house.controlPlane;
    const tenant = parseId("tenant", "default");
    const reader = await open((await keys.create({ name: "r", tenant, scopes: ["runs:read"] })).key);
    reader.send(["start", 1, body(1), 0]);
    expect((await reader.until(([, id]) => id === 1))[2]).toMatchObject({ code: "forbidden" });
    reader.socket.close();
    const writer = await open((await keys.create({ name: "w", tenant, scopes: ["runs:write"] })).key);
    const one = body(1);
    writer.send(["start", 1, one, 10_000]);
    expect((await writer.until(([, id]) => id === 1))[0]).toBe("answer");
    writer.send(["wait", 2, one.run, 0], ["follow", 3, one.run, ""]);
    for (const number of [2, 3]) {
      expect((await writer.until(([, id]) => id === number))[2]).toMatchObject({ code: "forbidden" });
    }
    writer.socket.close();
    const other = await open(
      (await keys.create({ name: "o", tenant: parseId("tenant", "other"), scopes: ["admin"] })).key,
    );
    other.send(["wait", 1, one.run, 0], ["follow", 2, one.run, ""]);
    for (const number of [1, 2]) {
      expect((await other.until(([, id]) => id === number))[2]).toMatchObject({ code: "not_found" });
    }
    other.socket.close();
  });

  test.each<[string, string, Record<string, string>, number]>([
    ["no token", "/v1/socket", { authorization: "" }, 401],
    ["a wrong token", "/v1/socket", { authorization: "Bearer no" }, 401],
    ["a foreign Host", "/v1/socket", { host: "evil.example" }, 403],
    ["a foreign Origin", "/v1/socket", { origin: "https://evil.example" }, 403],
    ["a token in its address", `/v1/socket?token=${token}`, {}, 400],
    ["another path", "/v1/runs", {}, 404],
    ["an address that is none", "//", {}, 404],
  ])("an upgrade with %s is refused in JSON", async (_, path, headers, status) => {
    const socket = new WebSocket(`${house.url.replace("http", "ws")}${path}`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
    const [, response] = await once(socket, "unexpected-response");
    expect(response.statusCode).toBe(status);
    let text = "";
    for await (const chunk of response) text += String(chunk);
    expect(JSON.parse(text)).toMatchObject({ ok: false });
  });

  test("a page that may call brings its token as a subprotocol", async () => {
    const socket = new WebSocket(
      `${house.url.replace("http", "ws")}/v1/socket`,
      ["agentflow", `bearer.${token}`],
      {
        headers: { origin: "https://console.example" },
      },
    );
    await once(socket, "open");
    expect(socket.protocol).toBe("agentflow");
    socket.close();
  });

  test("a peer that answers no ping loses its place", async () => {
    const quick = await openHouse({ limits: { keepAliveMs: 50 } }, 6);
    const socket = new WebSocket(`${quick.url.replace("http", "ws")}/v1/socket`, {
      headers: { authorization: `Bearer ${token}` },
      autoPong: false,
    });
    const [code] = await once(socket, "close");
    expect(code).toBe(1006);
    await quick.close();
  });
});
