import { AgentFlowError, parseId, prefixes, type Subject } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { bodyBytesMax, type Wire } from "../port/index.ts";
import { inSubject, type Kit, liveSubject, range, refused } from "./kit.ts";
import { oddTexts } from "./odd-texts.ts";

export function wireContract(kit: Kit): void {
  describe("wire", () => {
    requests(kit);
    failures(kit);
    live(kit);
  });
}

const timeoutMs = 3_000;
const echo = async (body: string): Promise<string> => body;

function requests(kit: Kit): void {
  test("a request gets the answer of the subject's server", async () => {
    const { wire } = await kit.bus();
    await wire.serve(inSubject(1), async (body, subject) => `${subject} heard ${body}`);
    expect(await wire.request(inSubject(1), "hello", { timeoutMs })).toBe(`${inSubject(1)} heard hello`);
  });

  test("many requests at once each get their own answer", async () => {
    const { wire } = await kit.bus();
    await wire.serve(inSubject(1), async (body) => {
      await kit.sleep(Number(body) % 7);
      return `answer ${body}`;
    });
    const answers = await Promise.all(
      range(100).map((n) => wire.request(inSubject(1), `${n}`, { timeoutMs })),
    );
    expect(answers).toEqual(range(100).map((n) => `answer ${n}`));
  });

  test("a server of a prefix hears all below it, one of a subject hears that alone", async () => {
    const { wire } = await kit.bus();
    const [one, other] = [inSubject(1), inSubject(1, parseId("tenant", "other"))];
    await wire.serve(prefixes.in(parseId("shard", "01")), async (_body, subject) => `shard: ${subject}`);
    await wire.serve(inSubject(2), async () => "exact");
    expect(await wire.request(one, "", { timeoutMs })).toBe(`shard: ${one}`);
    expect(await wire.request(other, "", { timeoutMs })).toBe(`shard: ${other}`);
    expect(await wire.request(inSubject(2), "", { timeoutMs })).toBe("exact");
    await refused("unavailable", () => wire.request(inSubject(12), "", { timeoutMs }));
    await refused("unavailable", () =>
      wire.request(inSubject(2, parseId("tenant", "other")), "", { timeoutMs }),
    );
  });

  test("of several servers one gets each request", async () => {
    const opened = await kit.open();
    const clients = [opened.bus, opened.bus];
    if (kit.can.severalClients) clients.push(await kit.second(opened), await kit.second(opened));
    const served: string[] = [];
    for (const [n, bus] of clients.entries()) {
      await bus.wire.serve(inSubject(1), async (body) => {
        served.push(body);
        return `server ${n}`;
      });
    }
    await Promise.all(range(60).map((n) => opened.bus.wire.request(inSubject(1), `${n}`, { timeoutMs })));
    expect(served.map(Number).toSorted((a, b) => a - b)).toEqual(range(60));
  });

  test("a server that stopped gets no more, and the others go on", async () => {
    const { wire } = await kit.bus();
    let stopped = false;
    const first = await wire.serve(inSubject(1), async () => {
      expect(stopped).toBe(false);
      return "first";
    });
    await wire.serve(inSubject(1), async () => "second");
    for (const _ of range(5)) await wire.request(inSubject(1), "", { timeoutMs });
    await first.stop();
    stopped = true;
    const answers = await Promise.all(range(10).map(() => wire.request(inSubject(1), "", { timeoutMs })));
    expect(new Set(answers)).toEqual(new Set(["second"]));
  });

  test.skipIf(!kit.can.severalClients)("requests reach a server at another client, both ways", async () => {
    const opened = await kit.open();
    const other = await kit.second(opened);
    await other.wire.serve(inSubject(1), async (body) => `other: ${body}`);
    await opened.bus.wire.serve(inSubject(2), async (body) => `first: ${body}`);
    expect(await opened.bus.wire.request(inSubject(1), "x", { timeoutMs })).toBe("other: x");
    expect(await other.wire.request(inSubject(2), "y", { timeoutMs })).toBe("first: y");
  });

  test("bodies and answers travel unchanged, up to the limit", async () => {
    const { wire } = await kit.bus();
    await wire.serve(inSubject(1), echo);
    for (const { text } of oddTexts) {
      expect(await wire.request(inSubject(1), text, { timeoutMs })).toBe(text);
    }
    const big = "ß".repeat((bodyBytesMax - 2) / 2);
    expect((await wire.request(inSubject(1), big, { timeoutMs })) === big).toBe(true);
    await refused("limit_exceeded", () =>
      wire.request(inSubject(1), "x".repeat(bodyBytesMax + 1), { timeoutMs }),
    );
  });
}

function failures(kit: Kit): void {
  test("a request that nobody serves is unavailable at once, not after its timeout", async () => {
    const { wire } = await kit.bus();
    const before = kit.time.now();
    await refused("unavailable", () => wire.request(inSubject(1), "", { timeoutMs: 20_000 }));
    expect(kit.time.now() - before).toBeLessThan(5_000);
    const server = await wire.serve(inSubject(1), echo);
    await server.stop();
    await refused("unavailable", () => wire.request(inSubject(1), "", { timeoutMs: 20_000 }));
  });

  test("a request without an answer in time is a timeout, and a late answer disturbs nobody", async () => {
    const { wire } = await kit.bus();
    await wire.serve(inSubject(1), async (body) => {
      if (body === "slow") await kit.sleep(400);
      return body;
    });
    const before = kit.time.now();
    await refused("timeout", () => wire.request(inSubject(1), "slow", { timeoutMs: 150 }));
    expect(kit.time.now() - before).toBeGreaterThanOrEqual(145);
    const answers = await Promise.all(range(5).map((n) => wire.request(inSubject(1), `${n}`, { timeoutMs })));
    await kit.sleep(500);
    expect(answers).toEqual(range(5).map(String));
    expect(await wire.request(inSubject(1), "after", { timeoutMs })).toBe("after");
  });

  test("an error of the handler arrives with its code, reason, message and details", async () => {
    const opened = await kit.open();
    const asking = kit.can.severalClients ? await kit.second(opened) : opened.bus;
    await opened.bus.wire.serve(inSubject(1), async () => {
      const details = { tenant: "acme", n: 7 };
      throw new AgentFlowError("refused", "the run has ended ☠", { reason: "run_already_ended", details });
    });
    const error = await refused("refused", () => asking.wire.request(inSubject(1), "", { timeoutMs }));
    expect([error.reason, error.message]).toEqual(["run_already_ended", "the run has ended ☠"]);
    expect(error.details).toEqual({ tenant: "acme", n: 7 });
  });

  test("a foreign error of the handler arrives as internal, and the server lives", async () => {
    const { wire } = await kit.bus();
    await wire.serve(inSubject(1), async (body) => {
      if (body === "bad") throw new TypeError("cannot read x of undefined");
      return body;
    });
    await refused("internal", () => wire.request(inSubject(1), "bad", { timeoutMs }));
    expect(await wire.request(inSubject(1), "good", { timeoutMs })).toBe("good");
  });

  test.skipIf(!kit.can.severalClients)(
    "a server whose client closed is gone: unavailable, not a wait",
    async () => {
      const opened = await kit.open();
      const other = await kit.second(opened);
      await other.wire.serve(inSubject(1), echo);
      expect(await opened.bus.wire.request(inSubject(1), "x", { timeoutMs })).toBe("x");
      await other.close();
      const gone = async (): Promise<boolean> => {
        const error = await refused(["unavailable", "timeout"], () =>
          opened.bus.wire.request(inSubject(1), "x", { timeoutMs: 200 }),
        );
        return error.code === "unavailable";
      };
      let told = await gone();
      for (let tries = 0; !told && tries < 10; tries++) told = await gone();
      expect(told).toBe(true);
    },
  );
}

function live(kit: Kit): void {
  test("every subscriber gets every message, in the publisher's order", async () => {
    const opened = await kit.open();
    const other = kit.can.severalClients ? await kit.second(opened) : opened.bus;
    const heard = await Promise.all(
      [opened.bus, opened.bus, other].map((bus) => listen(bus.wire, liveSubject(1))),
    );
    for (const n of range(200)) opened.bus.wire.publish(liveSubject(1), `${n}`);
    for (const listener of heard) {
      await soon(kit, () => listener.bodies.length >= 200);
      expect(listener.bodies).toEqual(range(200).map(String));
    }
  });

  test("a subscriber hears its subject or what is below its prefix, and is told which", async () => {
    const { wire } = await kit.bus();
    const exact = await listen(wire, liveSubject(1));
    const below = await listen(wire, tenantPrefix(liveSubject(1)));
    for (const n of range(3)) wire.publish(liveSubject(n), `${n}`);
    await soon(kit, () => below.bodies.length >= 3 && exact.bodies.length >= 1);
    await kit.sleep(50);
    expect(exact.bodies).toEqual(["1"]);
    expect(below.subjects).toEqual(range(3).map(liveSubject));
  });

  test("who subscribes later hears nothing of before, and who stopped nothing of after", async () => {
    const { wire } = await kit.bus();
    const early = await listen(wire, liveSubject(1));
    wire.publish(liveSubject(1), "before");
    await soon(kit, () => early.bodies.length >= 1);
    const late = await listen(wire, liveSubject(1));
    wire.publish(liveSubject(1), "between");
    await soon(kit, () => early.bodies.length >= 2 && late.bodies.length >= 1);
    await early.stop();
    wire.publish(liveSubject(1), "after");
    await soon(kit, () => late.bodies.length >= 2);
    await kit.sleep(50);
    expect(early.bodies).toEqual(["before", "between"]);
    expect(late.bodies).toEqual(["between", "after"]);
  });

  test("publishing to nobody is no error, and too big a body is one at once", async () => {
    const { wire } = await kit.bus();
    wire.publish(liveSubject(1), "to nobody");
    await refused("limit_exceeded", () => wire.publish(liveSubject(1), "x".repeat(bodyBytesMax + 1)));
  });

  test("a slow subscriber loses the oldest and is told how many; others lose nothing by it", async () => {
    const { wire } = await kit.bus();
    const slow = await listen(wire, liveSubject(1));
    const calm = await listen(wire, liveSubject(2));
    // All in one go: whoever listens cannot keep up with that.
    for (const n of range(50_000)) wire.publish(liveSubject(1), `${n}`);
    wire.publish(liveSubject(2), "calm");
    await soon(kit, () => slow.bodies.at(-1) === "49999" && calm.bodies.length > 0);
    expect(slow.dropped).toBeGreaterThan(0);
    expect(slow.bodies.length + slow.dropped).toBe(50_000);
    const numbers = slow.bodies.map(Number);
    expect(numbers.every((n, index) => index === 0 || n > (numbers[index - 1] ?? 0))).toBe(true);
    expect(calm).toMatchObject({ bodies: ["calm"], dropped: 0 });
  });
}

interface Heard {
  readonly bodies: string[];
  readonly subjects: Subject[];
  dropped: number;
  stop: () => Promise<void>;
}

async function listen(wire: Wire, to: Subject): Promise<Heard> {
  const heard: Heard = { bodies: [], subjects: [], dropped: 0, stop: async () => undefined };
  const hear = (body: string, subject: Subject): void => {
    heard.bodies.push(body);
    heard.subjects.push(subject);
  };
  const stop = await wire.subscribe(to, hear, (count) => {
    heard.dropped += count;
  });
  heard.stop = () => stop.stop();
  return heard;
}

async function soon(kit: Kit, holds: () => boolean): Promise<void> {
  for (let waited = 0; waited < 5_000 && !holds(); waited += 10) await kit.sleep(10);
  expect(holds()).toBe(true);
}

function tenantPrefix(subject: Subject): Subject {
  const below = subject.slice(0, subject.lastIndexOf(".") + 1);
  if (!isPrefix(below)) throw new Error(`${below} is no prefix`);
  return below;
}

function isPrefix(text: string): text is Subject {
  return text.endsWith(".");
}
