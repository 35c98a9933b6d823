/** Workers that die, or only seem to: at each point at which one waits for something outside. */
import { type Answer, type JournalRecord, type Json } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import type { DriveEnd } from "../../src/agent/drive.ts";
import type { ModelCall } from "../../src/channel/model-messages.ts";
import type { Call } from "../../src/channel/runner-messages.ts";
import {
  type Driving,
  type Kit,
  type Play,
  agent,
  asks,
  gives,
  kit,
  manifestOf,
  run,
  says,
  step,
  succeeded,
  tool,
} from "./drive-kit.ts";

const manifest = manifestOf({
  tools: [
    tool("db.read"),
    tool("db.write", { effect: "write" }),
    tool("mail.send", { effect: "irreversible" }),
  ],
  agents: [
    agent("main", {
      spec: {
        tools: [{ tool: "db.read" }, { tool: "db.write" }, { tool: "mail.send" }],
        agents: ["helper"],
      },
    }),
    agent("helper", { spec: { tools: [{ tool: "db.write" }, { tool: "mail.send" }] } }),
  ],
});

/** What the models say depends on what they were told alone: so each may be asked again. */
const play: Play = (call) => {
  if (call.kind !== "model") return gives({ did: call.name });
  const { messages } = call.request;
  const replies = messages.filter(({ role }) => role === "assistant").length;
  const isHelper = messages.some((message) => message.role === "system" && message.text.includes("helper"));
  if (isHelper) return replies === 0 ? asks({ tool: "db__write" }, { tool: "mail__send" }) : says("helped");
  const main = [
    asks({ tool: "db__read" }, { tool: "db__write" }),
    asks({ tool: "mail__send" }, { tool: "agent__helper", input: { task: "help" } }),
  ];
  return main[replies] ?? says("all done");
};
const neededModelCalls = 5;

/** A gate that a worker does not come through, at its `at`-th time. */
function gateAt(
  at: number,
  held: Promise<void>,
): { gate: () => Promise<void>; reached: Promise<void>; count(): number } {
  const reached = Promise.withResolvers<void>();
  let n = 0;
  return {
    reached: reached.promise,
    count: () => n,
    async gate() {
      if (n++ < at) return;
      reached.resolve();
      await held;
    },
  };
}

interface Shown {
  readonly output: unknown;
  readonly suspensions: number;
}

/** Further attempts until the step has ended, a person answering that what was asked of was done. */
async function finish(all: Kit, from: number): Promise<Shown> {
  const answers: { call: string; at: string; kind: "resolution"; as: "done"; output: { inline: Json } }[] =
    [];
  for (let attempt = from; attempt < from + 5; attempt++) {
    const drive = all.drive({ attempt, worker: `w${attempt}`, play, answers: [...answers] });
    const end = await all.until(drive.end);
    if (end.kind !== "suspended") return { output: succeeded(end), suspensions: answers.length };
    for (const { call } of end.asks) {
      const at = "2026-01-01T00:00:00.000Z";
      answers.push({ call, at, kind: "resolution", as: "done", output: { inline: "done" } });
    }
  }
  throw new Error("it never ended");
}

function checkCalls(all: Kit, { kills }: { kills: number }): void {
  const isModel = (call: Call | ModelCall): call is ModelCall => call.kind === "model";
  expect(all.calls.filter(isModel).length).toBeLessThanOrEqual(neededModelCalls + kills);
  const tools = all.calls.filter((call): call is Call => !isModel(call));
  const mails = tools.filter(({ name }) => name === "mail.send").map(({ callId }) => callId);
  expect(new Set(mails).size).toBe(mails.length);
  const writes = tools.filter(({ name }) => name === "db.write").map(({ callId }) => callId);
  expect([...new Set(writes)].sort()).toEqual([`${run}:think:1-2`, `${run}:think~0:1-1`]);
}

/** In the order of the records, attempts only ever grow: nobody writes after a later one took over. */
function checkOrder(records: readonly JournalRecord[]): void {
  const attempts = records.map(({ attempt }) => attempt);
  expect(attempts).toEqual(attempts.toSorted((a, b) => a - b));
}

async function points(): Promise<number> {
  const all = kit(manifest, play);
  const counting = gateAt(Number.POSITIVE_INFINITY, Promise.resolve());
  expect(succeeded(await all.until(all.drive({ gate: counting.gate }).end))).toEqual({ text: "all done" });
  checkCalls(all, { kills: 0 });
  return counting.count();
}

/** Records of the main journal until the one that begins the mail. */
const mailRecord = 4;

const never = new Promise<void>(() => undefined);

describe("a worker that is killed", () => {
  test("at whichever point: the next attempt ends the step and does nothing twice", async () => {
    const all = await points();
    expect(all).toBeGreaterThan(40);
    for (let at = 0; at < all; at++) await killedAt(at);
  });

  async function killedAt(at: number): Promise<void> {
    const all = kit(manifest, play);
    const { gate, reached } = gateAt(at, never);
    all.drive({ gate });
    await all.until(reached);
    const { output } = await finish(all, 2);
    expect({ at, output }).toEqual({ at, output: { text: "all done" } });
    checkCalls(all, { kills: 2 });
    checkOrder(await all.journal());
  }

  test("again and again, each time further on", async () => {
    const all = kit(manifest, play);
    let attempt = 1;
    for (; attempt <= 12; attempt++) {
      const { gate, reached } = gateAt(6 + attempt, never);
      const drive = all.drive({ attempt, worker: `w${attempt}`, gate });
      const ended = await all.until(Promise.race([reached.then(() => undefined), drive.end]));
      if (ended !== undefined) break;
    }
    await finish(all, attempt + 1);
    checkCalls(all, { kills: attempt * 2 });
    checkOrder(await all.journal());
  });
});

describe("a worker that only slept", () => {
  test("at whichever point: once it wakes it does nothing more and reports nothing", async () => {
    const all = await points();
    for (let at = 0; at < all; at++) await sleptAt(at);
  });

  async function sleptAt(at: number): Promise<void> {
    const all = kit(manifest, play);
    const wake = Promise.withResolvers<void>();
    const { gate, reached } = gateAt(at, wake.promise);
    const zombie: Driving = all.drive({ gate });
    await all.until(reached);
    await finish(all, 2);
    const before = all.calls.length;
    const journal = await all.journal();
    wake.resolve();
    const end = await all.until(zombie.end);
    // One call may have been on its way already, as when it was killed there.
    expect(all.calls.length - before).toBeLessThanOrEqual(2);
    checkCalls(all, { kills: 3 });
    if (end.kind !== "fenced") expect({ at, end: end.kind }).toEqual({ at, end: "finished" });
    if (end.kind !== "fenced") expect(journal.at(-1)?.attempt).toBeGreaterThan(1);
    expect(await all.journal()).toEqual(journal);
  }
});

test("who slept since its record was stored does not make a call that was made again", async () => {
  const all = kit(manifest, play);
  const wake = Promise.withResolvers<void>();
  const stored = Promise.withResolvers<void>();
  const isSent = async (): Promise<boolean> =>
    (await all.journal()).at(-1)?.events.some(({ kind }) => kind === "call_started") === true;
  let records = 0;
  const zombie = all.drive({
    async gate(where) {
      if (where !== "after append" || ++records < mailRecord) return;
      stored.resolve();
      await wake.promise;
    },
  });
  await all.until(stored.promise);
  expect(await isSent()).toBe(true);
  const second = await all.until(all.drive({ attempt: 2, worker: "w2" }).end);
  if (second.kind !== "suspended") throw new Error("nobody was asked");
  const answers = second.asks.map(({ call }) => {
    return { call, at: "2026-01-01T00:00:00.000Z", kind: "resolution", as: "retry" } as const;
  });
  await all.until(all.drive({ attempt: 3, worker: "w3", answers }).end);
  await all.world.time.advance(60_000);
  wake.resolve();
  expect(await all.until(zombie.end)).toMatchObject({ kind: "fenced" });
  const mails = all.calls.filter((call) => call.kind === "tool" && call.callId === `${run}:think:2-1`);
  expect(mails).toHaveLength(1);
});

describe("a bus that does not say whether it was stored", () => {
  test.each(["before", "after"] as const)("the append failed %s it was carried out", async (when) => {
    const all = kit(manifest, play);
    for (let i = 0; i < 4; i++) all.bus.faults.failNext("append", when, { client: "w1" });
    expect(succeeded(await all.until(all.drive().end))).toEqual({ text: "all done" });
    checkCalls(all, { kills: 0 });
  });
});

describe("bad weather", () => {
  test("delays and repeats change nothing, with a kill on the way", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const all = kit(manifest, play, { seed });
      const { gate, reached } = gateAt(seed * 2, never);
      all.drive({ gate });
      await all.until(reached);
      const { output } = await finish(all, 2);
      expect({ seed, output }).toEqual({ seed, output: { text: "all done" } });
      checkCalls(all, { kills: 2 });
      checkOrder(await all.journal());
    }
  });

  test("of two workers that were given the same attempt none says what the other does not", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const all = kit(manifest, play, { seed });
      const ends = await all.until(Promise.all([all.drive().end, all.drive({ worker: "w2" }).end]));
      const said = ends.filter(({ kind }) => kind !== "fenced");
      expect(said.length).toBeGreaterThan(0);
      // Who comes when all is done says it once more.
      const [first, second = first] = said.map((end) => (end.kind === "finished" ? end.output : end));
      expect(second).toEqual(first);
      if (said[0]?.kind === "suspended") await finish(all, 2);
      checkCalls(all, { kills: 2 });
    }
  });
});

describe("a journal that this build cannot read", () => {
  const newer = JSON.stringify({ v: 2, kind: "journal", attempt: 1, events: [] });
  const damaged = JSON.stringify({
    v: 1,
    kind: "journal",
    attempt: 1,
    events: [{ kind: "call_lost", at: "2026-01-01T00:00:00.000Z", call: "9-9", reason: "x" }],
  });
  const answer = (as: "done" | "failed" | "retry"): Answer => ({
    call: `${step}/journal`,
    at: "2026-01-01T00:00:00.000Z",
    kind: "resolution",
    as,
    ...(as === "done" ? { output: { inline: "by hand" } } : {}),
  });

  test.each([
    ["of a newer version", newer, step, "version 2"],
    ["that is damaged", damaged, step, "does not fit together"],
  ])("%s waits for a person", async (_, body, of, why) => {
    const all = kit(manifest, play);
    await all.write(body, of);
    const end = await all.until(all.drive({ attempt: 2 }).end);
    expect(end).toMatchObject({
      kind: "suspended",
      asks: [{ kind: "unknown", call: `${step}/journal`, tool: "agent:main" }],
    });
    expect(JSON.stringify(end)).toContain(why);
    // What was told of usage before stays: nobody knows better.
    expect(end).not.toHaveProperty("usage");
    expect(all.calls).toEqual([]);
    expect(await all.journal()).toHaveLength(1);
  });

  test("is looked at again when a person says so, else ends as the person says", async () => {
    const all = kit(manifest, play);
    await all.write(newer, step);
    const end = (answers: readonly Answer[], attempt: number): Promise<DriveEnd> =>
      all.until(all.drive({ attempt, answers }).end);
    expect(await end([answer("retry")], 3)).toMatchObject({ kind: "suspended" });
    expect(await end([answer("retry"), answer("failed")], 4)).toMatchObject({
      kind: "failed",
      failure: { code: "history_incompatible" },
      retryable: false,
    });
    expect(succeeded(await end([answer("done")], 5))).toBe("by hand");
  });

  test("of a sub-agent is nothing for the agent above it to go on without", async () => {
    const all = kit(manifest, play);
    const child = `${step}~0`;
    await all.write(newer, child);
    const end = await all.until(all.drive().end);
    expect(end).toMatchObject({ kind: "suspended", asks: [{ kind: "unknown" }] });
    expect(await all.journal(child)).toHaveLength(1);
  });
});
