import { AgentFlowError } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { exchange } from "./exchange.ts";
import { followStream } from "./follow.ts";
import { several } from "./several.ts";
import type { Transport } from "./transport.ts";
import { isUntaken } from "./untaken.ts";
import { checkedUrls } from "./url.ts";

/** What an address does with a request; what it goes on doing when nothing more is said. */
type Doing =
  | "answers"
  | "refuses"
  | "breaks"
  | "stops"
  | "is not ready"
  | "is a proxy without it"
  | "knows not";

/** Time passes only while somebody sleeps. */
function house(...doings: readonly Doing[]) {
  let now = 0;
  const asked: number[] = [];
  const each = doings.map((doing, n) => at(doing, () => asked.push(n)));
  const [first, ...others] = each;
  if (first === undefined) throw new Error("no address");
  const transport = several([first, ...others]);
  return { transport, asked };

  function at(doing: Doing, ask: () => void): Transport {
    return {
      async request() {
        ask();
        return answerOf(doing);
      },
      async *stream({ path }) {
        ask();
        const from = Number(new URL(path, "http://a").searchParams.get("after") ?? 0);
        if (doing === "answers") {
          yield message(from + 1);
          yield `${message(from + 2)}event: end\ndata: {}\n\n`;
        } else if (doing === "breaks") {
          yield message(from + 1);
          throw gone("ECONNRESET");
        } else {
          throw gone("ECONNREFUSED");
        }
      },
      async *bytes() {
        ask();
        if (doing === "refuses") throw gone("ECONNREFUSED");
        yield new Uint8Array([1]);
        if (doing === "breaks") throw gone("ECONNRESET");
      },
      async socket(_, events) {
        ask();
        if (doing !== "answers" && doing !== "breaks") throw gone("ECONNREFUSED");
        return { send: () => events.closed("it broke"), close: () => undefined };
      },
      now: () => now,
      async sleep(ms) {
        now += ms;
      },
      sha256: async (bytes) => bytes,
      random: (bytes) => new Uint8Array(bytes),
      afterTurn: (fn) => fn(),
      close: () => undefined,
    };
  }
}

function answerOf(doing: Doing) {
  const error = (status: number, code: string, reason: string) => {
    const body = { code, reason, message: "no", details: {}, suggestions: [] };
    return { status, text: JSON.stringify({ v: 1, ok: false, error: body }) };
  };
  switch (doing) {
    case "answers":
      return { status: 200, text: '{"v":1,"ok":true,"data":"done"}' };
    case "refuses":
      throw gone("ECONNREFUSED");
    case "breaks":
      throw gone("ECONNRESET");
    case "stops":
      return error(503, "unavailable", "stopping");
    case "is not ready":
      return error(503, "unavailable", "not_ready");
    case "is a proxy without it":
      return { status: 502, text: "<h1>Bad gateway</h1>" };
    default:
      return error(404, "not_found", "run_not_found");
  }
}

function gone(code: string): AgentFlowError {
  const cause = Object.assign(new Error(code), { code });
  return new AgentFlowError("unavailable", `no answer: ${code}`, { reason: "unreachable", cause });
}

const message = (n: number): string => `id: ${n}\nevent: record\ndata: ${n}\n\n`;
const start = { method: "POST", path: "/v1/runs" } as const;
const once = { ...start, once: true } as const;

test.each<readonly [Doing, string, string]>([
  ["refuses", "done", "done"],
  ["stops", "done", "done"],
  ["breaks", "done", "no answer: ECONNRESET"],
  ["is not ready", "done", "no"],
  ["is a proxy without it", "done", "an answer with status 502 is not one of this API"],
  ["knows not", "no", "no"],
])("where the first %s: %s; what must not be done twice: %s", async (doing, repeated, notRepeated) => {
  const told = async (request: typeof start | typeof once): Promise<unknown> => {
    const { transport } = house(doing, "answers");
    return exchange(transport, request, 10_000).catch(
      (error: unknown) => AgentFlowError.from(error, "").message,
    );
  };
  expect(await told(start)).toBe(repeated);
  expect(await told(once)).toBe(notRepeated);
});

test("who answered is asked first from then on; nobody waits for the one that is gone", async () => {
  const { transport, asked } = house("refuses", "refuses", "answers");
  for (let n = 0; n < 3; n++) await exchange(transport, start, 0);
  expect(asked).toEqual([0, 1, 2, 2, 2]);
  expect(transport.now()).toBe(0);
});

test("where nobody answers each is named; who did answer is believed", async () => {
  const silent = exchange(house("refuses", "breaks").transport, start, 0);
  await expect(silent).rejects.toThrow("no answer: ECONNREFUSED; no answer: ECONNRESET");
  const answered = exchange(house("refuses", "is not ready").transport, start, 0);
  await expect(answered).rejects.toMatchObject({ reason: "not_ready" });
});

test("what must not be done twice is asked for again while nobody can have taken it", async () => {
  const { transport, asked } = house("refuses", "stops");
  await expect(exchange(transport, once, 1_000)).rejects.toMatchObject({ code: "unavailable" });
  expect(asked.length).toBeGreaterThan(4);
  const one = house("breaks");
  await expect(exchange(one.transport, once, 1_000)).rejects.toMatchObject({ code: "unavailable" });
  expect(one.asked).toEqual([0]);
});

test("what another address did not take says nothing of the one that broke with it", async () => {
  for (const first of ["refuses", "stops"] as const) {
    const { transport, asked } = house(first, "breaks", "answers");
    await expect(exchange(transport, once, 1_000)).rejects.toThrow("no answer: ECONNRESET");
    expect(asked).toEqual([0, 1]);
  }
});

test("a host that cannot be reached any more may have taken what it was sent before", () => {
  const lost = (syscall: string) =>
    new AgentFlowError("unavailable", "no answer", {
      cause: Object.assign(new Error("gone"), { code: "EHOSTUNREACH", syscall }),
    });
  expect(["connect", "read", "write"].map((syscall) => isUntaken(lost(syscall)))).toEqual([
    true,
    false,
    false,
  ]);
});

test("who breaks off does not leave the address that serves", async () => {
  const { transport, asked } = house("refuses", "answers");
  const request = { ...start, signal: AbortSignal.abort() };
  await expect(exchange(transport, request, 1_000)).rejects.toThrow("ECONNREFUSED");
  await exchange(transport, start, 0);
  expect(asked).toEqual([0, 0, 1]);
});

test("a stream goes on at the next address behind its last message; nothing is lost", async () => {
  const { transport, asked } = house("breaks", "refuses", "answers");
  let lost = 0;
  const got: unknown[] = [];
  const following = { transport, path: "/v1/telemetry/stream", onLost: () => void lost++ };
  for await (const { value } of followStream<number>(following)) got.push(value);
  expect({ got, asked, lost }).toEqual({ got: [1, 2, 3], asked: [0, 1, 2], lost: 0 });
});

test("a stream that no address gives is lost, and waited for longer each time", async () => {
  const { transport } = house("refuses", "refuses");
  const waits: number[] = [];
  const onLost = (_: unknown, waitMs: number): void => void waits.push(waitMs);
  const following = { transport, path: "/v1/events", onLost, giveUpAfterMs: 300 };
  await expect(followStream(following)[Symbol.asyncIterator]().next()).rejects.toThrow("no answer");
  expect(waits).toEqual([50, 100, 200]);
});

test("a file is begun elsewhere, and not repeated where it broke off", async () => {
  const read = async (...doings: readonly Doing[]): Promise<number> => {
    let count = 0;
    for await (const piece of house(...doings).transport.bytes({ method: "GET", path: "/v1/backup" }))
      count += piece.length;
    return count;
  };
  expect(await read("refuses", "answers")).toBe(1);
  await expect(read("breaks", "answers")).rejects.toThrow("ECONNRESET");
});

test("a socket is opened at the next address, and after a break at the one after that", async () => {
  const { transport, asked } = house("refuses", "breaks", "answers");
  const events = { message: () => undefined, closed: () => undefined };
  (await transport.socket("/v1/socket", events)).send("x");
  await transport.socket("/v1/socket", events);
  expect(asked).toEqual([0, 1, 2]);
});

test("a token is refused to every address in the clear elsewhere, not to the first alone", () => {
  const [here, there] = ["http://127.0.0.1:1", "http://10.0.0.1:1"];
  expect(checkedUrls({ url: [here, there] }).map(({ host }) => host)).toEqual(["127.0.0.1:1", "10.0.0.1:1"]);
  expect(() => checkedUrls({ url: [here, there], token: "t" })).toThrow("does not travel over plain http");
  expect(() => checkedUrls({ url: [] })).toThrow("no address");
});
