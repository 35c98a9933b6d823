import { defaultTenant, type LiveView, parseId, type RunId, subjects } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine, FollowLive } from "../../engine.ts";
import { Kit, type Script } from "../../orchestrator/fixtures/engine-kit.ts";
import { Voice } from "./fixtures/voice.ts";

const tenant = defaultTenant;
const step = parseId("step instance", "a");

let kit: Kit;
afterEach(() => kit.close());

/** An engine, and a run whose only step is at work until `finish`. */
async function speaking(seed: number, options: { polite?: boolean; logs?: number } = {}) {
  kit = new Kit(seed, { polite: true, ...options });
  const engine = await kit.engine();
  await kit.register(engine, "one", { a: { uses: "tool:t.echo" } });
  const gate = Promise.withResolvers<void>();
  const script: Script = () => gate.promise.then(() => ({ kind: "succeeded", output: { inline: 1 } }));
  kit.worker({ script });
  const body = kit.body("one");
  const run = parseId("run", body.run);
  await kit.drive(engine.runs.start(tenant, body, { waitMs: 0 }));
  await kit.pass(200);
  const voice = new Voice({ bus: kit.bus.client("voice"), tenant, run, step });
  return { engine, run, voice, finish: gate.resolve };
}

interface Heard {
  readonly items: string[];
  readonly cursors: string[];
  readonly live: LiveView[];
  readonly done: Promise<void>;
  readonly stop: () => void;
  behind: boolean;
}

/** Follows from the cursor on; `most`: goes after so many events and records. */
function follow(engine: Engine, run: RunId, of: { after?: string; most?: number } = {}): Heard {
  const stop = new AbortController();
  const heard = { items: new Array<string>(), cursors: new Array<string>(), live: new Array<LiveView>() };
  const note = (item: string, cursor?: string): void => {
    heard.items.push(item);
    if (cursor === undefined) return;
    heard.cursors.push(cursor);
    if (heard.cursors.length === of.most) stop.abort();
  };
  const made: Heard = {
    ...heard,
    behind: false,
    stop: () => stop.abort(),
    done: engine.runs.follow(tenant, {
      runs: [run],
      ...(of.after === undefined ? {} : { after: of.after }),
      signal: stop.signal,
      onEvent: ({ event }, cursor) => note(event.kind, cursor()),
      live: liveOf(),
    }),
  };
  function liveOf(): FollowLive {
    return {
      onJournal: ({ record }, cursor) => note(record.events.map(({ kind }) => kind).join("+"), cursor()),
      onLive(view) {
        heard.live.push(view);
        for (const part of view.live.parts)
          note("text" in part ? `${part.n}@${part.from}:${part.text}` : part.kind);
      },
      isBehind: () => made.behind,
    };
  }
  return made;
}

const whole = [
  ["run_started", "task_dispatched"],
  ["attempt_took_over+agent_started", "model_called", "model_failed", "model_called", "model_replied"],
  ["step_succeeded", "run_completed"],
].flat();

async function speak(voice: Voice): Promise<void> {
  const settle = (): Promise<void> => kit.pass(50);
  await kit.drive(voice.begin());
  await kit.drive(voice.called(1));
  await settle();
  voice.say(1, 0, "lost");
  await settle();
  voice.tell({ kind: "void", n: 1, reason: "cut" });
  await kit.drive(voice.failed(1));
  await kit.drive(voice.called(2));
  await settle();
  voice.say(2, 0, "good ");
  voice.say(2, 5, "day");
  await settle();
  await kit.drive(voice.replied(2, "good day"));
  await settle();
}

test("events, journal and pieces of text come in order, and the follow ends with the run", async () => {
  const { engine, run, voice, finish } = await speaking(1);
  const heard = follow(engine, run);
  await kit.pass(50);
  await speak(voice);
  finish();
  await kit.drive(heard.done);
  const told = heard.items.filter((item) => item !== "attempt_started");
  const expected = [
    ["run_started", "task_dispatched", "attempt_took_over+agent_started"],
    ["model_called", "1@0:lost", "void", "model_failed"],
    ["model_called", "2@0:good ", "2@5:day", "model_replied", "step_succeeded", "run_completed"],
  ];
  expect(told).toEqual(expected.flat());
});

test.each([1, 2])(
  "whoever comes back at any cut gets each event and record once (%i lanes)",
  async (logs) => {
    const { engine, run, voice, finish } = await speaking(2, { logs, polite: false });
    const early = follow(engine, run);
    await kit.pass(50);
    await speak(voice);
    finish();
    await kit.drive(early.done);
    const stored = (heard: Heard): string[] =>
      heard.items.filter((item) => !/[@:]/.test(item) && item !== "void" && item !== "attempt_started");
    expect(stored(early)).toEqual(whole);
    for (let cut = 1; cut < early.cursors.length; cut++) {
      const first = follow(engine, run, { most: cut });
      await kit.drive(first.done);
      const rest = follow(engine, run, { after: first.cursors.at(-1) ?? "" });
      await kit.drive(rest.done);
      expect([...stored(first), ...stored(rest)]).toEqual(whole);
      // The cursor that was given live leads to the same place as one that was read.
      const live = follow(engine, run, { after: early.cursors[cut - 1] ?? "" });
      await kit.drive(live.done);
      expect(stored(live)).toEqual(stored(rest));
    }
  },
);

test("whoever comes late gets the text so far of the reply that is under way", async () => {
  const { engine, run, voice } = await speaking(3);
  const first = follow(engine, run);
  await kit.pass(50);
  await kit.drive(voice.begin());
  await kit.drive(voice.called(1));
  await kit.pass(50);
  voice.say(1, 0, "once upon");
  voice.tell({ kind: "call", n: 1, tool: "mail__send" });
  await kit.pass(50);
  const late = follow(engine, run);
  await kit.pass(50);
  voice.say(1, 9, " a time");
  await kit.pass(50);
  expect(late.items.slice(-4)).toEqual(["model_called", "1@0:once upon", "call", "1@9: a time"]);
  first.stop();
  late.stop();
  await kit.drive(late.done);
  // It is kept for those who only lost their connection, and for nobody longer.
  await kit.pass(5_000);
  const back = follow(engine, run, { after: late.cursors.at(-1) ?? "" });
  await kit.pass(50);
  expect(back.items).toEqual(["1@0:once upon a time", "call"]);
  back.stop();
  await kit.drive(back.done);
  await kit.pass(60_000);
  const later = follow(engine, run, { after: late.cursors.at(-1) ?? "" });
  await kit.pass(50);
  expect(later.live).toEqual([]);
});

test("text of a reply is told once the journal has its call, and no more once it has the reply", async () => {
  const { engine, run, voice } = await speaking(4);
  const heard = follow(engine, run);
  await kit.pass(50);
  await kit.drive(voice.begin());
  await kit.drive(voice.called(1));
  await kit.pass(50);
  voice.say(2, 0, "too ");
  voice.say(2, 4, "early");
  await kit.pass(50);
  expect(heard.items.at(-1)).toBe("model_called");
  await kit.drive(voice.replied(1, ""));
  await kit.drive(voice.called(2));
  await kit.pass(50);
  expect(heard.items.slice(-3)).toEqual(["model_replied", "model_called", "2@0:too early"]);
  await kit.drive(voice.replied(2, "too early"));
  await kit.pass(50);
  voice.say(2, 4, "early");
  await kit.pass(50);
  expect(heard.items.at(-1)).toBe("model_replied");
});

test("a follower that is behind is told no pieces, harms nobody, and gets what it missed", async () => {
  const { engine, run, voice, finish } = await speaking(5);
  const slow = follow(engine, run);
  const quick = follow(engine, run);
  await kit.pass(50);
  await kit.drive(voice.begin());
  await kit.drive(voice.called(1));
  await kit.pass(50);
  slow.behind = true;
  for (let at = 0; at < 50; at++) voice.say(1, at, "x");
  await kit.pass(50);
  expect(slow.live).toEqual([]);
  expect(quick.live).toHaveLength(50);
  slow.behind = false;
  voice.say(1, 50, "y");
  await kit.pass(50);
  expect(slow.items.slice(-2)).toEqual([`1@0:${"x".repeat(50)}y`, "1@50:y"]);
  slow.behind = true;
  await kit.drive(voice.replied(1, `${"x".repeat(50)}y`));
  finish();
  await kit.drive(Promise.all([slow.done, quick.done]));
  expect(slow.items.at(-1)).toBe("run_completed");
  expect(slow.items).toContain("model_replied");
});

test("what is kept of replies is bounded, and gone with their journal", async () => {
  const { engine, run, voice } = await speaking(6);
  const first = follow(engine, run);
  await kit.pass(50);
  await kit.drive(voice.called(1));
  await kit.pass(50);
  const piece = "x".repeat(100_000);
  for (let n = 0; n < 4; n++) voice.say(1, n * piece.length, piece);
  await kit.pass(50);
  const late = follow(engine, run);
  await kit.pass(50);
  // Over 256 Ki characters what was kept is let go of: the next piece begins anew.
  const places = late.live.map(({ live }) => live.parts.map((part) => "from" in part && part.from));
  expect(places).toEqual([[300_000]]);
  expect(first.live).toHaveLength(4);
  await kit.drive(voice.replied(1, piece.repeat(4)));
  await kit.pass(50);
  const after = follow(engine, run);
  await kit.pass(50);
  expect(after.live).toEqual([]);
});

test("what is told live is heard at every control plane, whoever owns the run", async () => {
  kit = new Kit(10, { polite: true });
  const engines = [await kit.sharing("engine-1"), await kit.sharing("engine-2")];
  const [engine] = engines;
  if (engine === undefined) throw new Error("no engine");
  await kit.register(engine, "one", { a: { uses: "tool:t.echo" } });
  kit.worker({ script: () => new Promise(() => undefined) });
  const body = kit.body("one");
  const run = parseId("run", body.run);
  await kit.drive(engine.runs.start(tenant, body, { waitMs: 0 }));
  const heard = engines.map((one) => follow(one, run));
  await kit.pass(200);
  const voice = new Voice({ bus: kit.bus.client("voice"), tenant, run, step });
  await kit.drive(voice.called(1));
  await kit.pass(50);
  voice.say(1, 0, "to all");
  await kit.pass(50);
  for (const { items } of heard) expect(items.slice(-2)).toEqual(["model_called", "1@0:to all"]);
});

test("a cursor that another control plane gave, which is further, is gone on behind", async () => {
  const { engine, run, voice } = await speaking(11);
  await kit.drive(voice.begin());
  const early = follow(engine, run);
  await kit.pass(50);
  const ahead = follow(engine, run, { after: "ezzzzz-0" });
  await kit.pass(50);
  await kit.drive(voice.called(1));
  await kit.pass(50);
  expect(early.items.at(-1)).toBe("model_called");
  expect(ahead.items).toEqual([]);
});

test("messages that are none, and steps of other runs, disturb nobody", async () => {
  const { engine, run, voice } = await speaking(7);
  const heard = follow(engine, run);
  await kit.pass(50);
  await kit.drive(voice.called(1));
  await kit.pass(50);
  const before = heard.items.length;
  const { wire } = kit.bus.client("stranger");
  const parts = [null, { kind: "text", n: -1, from: 0, text: "" }, { kind: "text", n: 1, from: 0 }];
  const head = { v: 1, kind: "live", at: "", step: "a", attempt: 1, seq: 1 };
  const bodies = ["", "null", "[]", JSON.stringify(head), JSON.stringify({ ...head, parts })];
  for (const body of bodies) {
    wire.publish(subjects.live({ tenant, run }), body);
  }
  await kit.pass(50);
  expect(heard.items).toHaveLength(before);
  voice.say(1, 0, "on");
  await kit.pass(50);
  expect(heard.items.at(-1)).toBe("1@0:on");
});

test("live is told of named runs only", async () => {
  const { engine } = await speaking(8);
  const live = { onJournal: () => undefined, onLive: () => undefined, isBehind: () => false };
  const { signal } = new AbortController();
  const asked = engine.runs.follow(tenant, { runs: "all", onEvent: () => undefined, signal, live });
  await expect(asked).rejects.toMatchObject({ code: "invalid_input", reason: "runs_needed" });
});

test("a run's journals are read in the log's order, by step, page by page, by its own tenant", async () => {
  const { engine, run, voice } = await speaking(9, { logs: 2 });
  const inner = new Voice({
    bus: kit.bus.client("inner"),
    tenant,
    run,
    step: parseId("step instance", "a~0"),
  });
  await kit.drive(voice.begin());
  await kit.drive(inner.begin());
  await kit.drive(voice.called(1));
  await kit.drive(inner.called(1));
  await kit.drive(voice.replied(1, "hi"));
  const read = (query: object) => kit.drive(engine.runs.journal(tenant, run, query));
  const kinds = (page: Awaited<ReturnType<typeof read>>): string[] =>
    page.records.map((one) => `${one.step} ${one.record.events[0]?.kind}`);
  const all = await read({});
  const expected = [
    ["a attempt_took_over", "a~0 attempt_took_over", "a model_called", "a~0 model_called"],
    ["a model_replied"],
  ];
  expect(kinds(all)).toEqual(expected.flat());
  expect(all.cursor).toBeUndefined();
  const paged: string[] = [];
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page = await read({ limit: 2, after });
    paged.push(...kinds(page));
    after = page.cursor;
  }
  expect(paged).toEqual(kinds(all));
  expect(kinds(await read({ step: "a~0" }))).toHaveLength(2);
  expect(kinds(await read({ step: "b" }))).toEqual([]);
  const other = engine.runs.journal(parseId("tenant", "other"), run, {});
  await expect(kit.drive(other)).rejects.toMatchObject({ code: "not_found" });
  await expect(kit.drive(engine.runs.journal(tenant, kit.runId(), {}))).rejects.toMatchObject({
    code: "not_found",
  });
});
