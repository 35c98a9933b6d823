import { subjects, defaultTenant, type LiveMessage } from "@agentflow/protocol";
import { expect, test } from "vitest";
import type { ModelCall } from "../../src/channel/model-messages.ts";
import type { Call } from "../../src/channel/runner-messages.ts";
import {
  agent,
  asks,
  gives,
  kit,
  manifestOf,
  run,
  says,
  succeeded,
  took,
  tool,
  type Play,
} from "./drive-kit.ts";

const isModel = (call: Call | ModelCall): call is ModelCall => call.kind === "model";
const kinds = (records: Awaited<ReturnType<ReturnType<typeof kit>["journal"]>>): string[] =>
  records.map(({ events }) => events.map(({ kind }) => kind).join(" "));

/** The model says one thing after the other; tools give their name. */
function playing(...replies: readonly (ReturnType<typeof says> | undefined)[]): Play {
  let n = 0;
  return (call) => (isModel(call) ? replies[n++] : gives({ did: call.name }));
}

const simple = manifestOf({ agents: [agent("main", { spec: { instructions: "About ${input.topic}." } })] });

test("an agent without tools: one record before the call, one with its reply and the end", async () => {
  const all = kit(simple, playing(says("hello")));
  const end = await all.until(all.drive().end);
  expect(succeeded(end)).toEqual({ text: "hello" });
  expect(kinds(await all.journal())).toEqual([
    "attempt_took_over agent_started model_called",
    "model_replied agent_finished",
  ]);
  expect(end).toMatchObject({
    usage: { inputTokens: 10, outputTokens: 5, modelCalls: 1, usd: "0.00002" },
    code: "0123456789ab",
  });
  expect(all.calls).toMatchObject([
    {
      kind: "model",
      name: "default",
      model: { provider: "openai", model: "m-1", apiKey: "sk-model-key", timeoutMs: 120_000 },
      request: {
        messages: [
          { role: "system", text: "About tea." },
          { role: "user", text: '{"topic":"tea"}' },
        ],
      },
    },
  ]);
});

const worker = manifestOf({
  tools: [
    tool("db.read", { secrets: ["db-key"] }),
    tool("db.write", { effect: "write" }),
    tool("mail.send", { effect: "irreversible" }),
  ],
  agents: [
    agent("main", { spec: { tools: [{ tool: "db.read" }, { tool: "db.write" }, { tool: "mail.send" }] } }),
  ],
});

test("calls of one reply run side by side, and the model gets their results in order", async () => {
  const all = kit(worker, playing(asks({ tool: "db__read" }, { tool: "db__write" }), says("done")));
  all.secrets.set("db-key", "sk-db");
  const end = await all.until(all.drive().end);
  expect(succeeded(end)).toEqual({ text: "done" });
  const [, first, second, last] = all.calls;
  expect([first, second]).toMatchObject([
    { kind: "tool", name: "db.read", callId: `${run}:think:1-1`, secrets: { "db-key": "sk-db" } },
    { kind: "tool", name: "db.write", callId: `${run}:think:1-2` },
  ]);
  expect(second).not.toHaveProperty("secrets");
  expect(last).toMatchObject({
    request: { messages: [{}, {}, {}, { role: "tool", results: [{ id: "p0" }, { id: "p1" }] }] },
  });
});

test("a secret that a tool gives away stands in no journal, request or span", async () => {
  const leaking: Play = (call) =>
    isModel(call)
      ? call.n === 1
        ? asks({ tool: "db__read" })
        : says("it is sk-db-1234")
      : gives({ key: "the key is sk-db-1234" });
  const all = kit(worker, leaking);
  all.secrets.set("db-key", "sk-db-1234");
  const end = await all.until(all.drive().end);
  expect(succeeded(end)).toEqual({ text: "it is [redacted]" });
  const models = all.calls.filter(isModel).map(({ request }) => request);
  const everything = JSON.stringify([await all.journal(), models, all.records, end]);
  expect(everything).not.toContain("sk-db-1234");
  expect(everything).not.toContain("sk-model-key");
});

test("without its tools' secrets an agent fails before a model is asked, and says what to do", async () => {
  const all = kit(worker, playing());
  const end = await all.until(all.drive().end);
  expect(end).toMatchObject({
    kind: "failed",
    retryable: false,
    failure: { code: "unknown_secret", message: expect.stringContaining("af secrets set db-key") },
  });
  expect(all.calls).toEqual([]);
});

test("a key that nobody has set is a failure of the model call, and is not tried again", async () => {
  const all = kit(simple, playing(says("never")));
  all.secrets.clear();
  const end = await all.until(all.drive().end);
  expect(end).toMatchObject({ kind: "failed", retryable: false, failure: { code: "unknown_secret" } });
});

test("a runner that dies loses its calls alone: they are made again under their keys", async () => {
  const lost = { kind: "lost", reason: "runner_exited" } as const;
  const ends = [lost, asks({ tool: "db__write" }), lost, gives(1), says("done")];
  const all = kit(worker, () => ends.shift());
  all.secrets.set("db-key", "sk-db");
  expect(succeeded(await all.until(all.drive().end))).toEqual({ text: "done" });
  expect(all.calls.map((call) => (isModel(call) ? `model ${call.n}` : call.callId))).toEqual([
    "model 1",
    "model 2",
    `${run}:think:1-1`,
    `${run}:think:1-1`,
    "model 3",
  ]);
});

test("an irreversible call whose runner dies waits for what a person says", async () => {
  const ends = [asks({ tool: "mail__send", input: { to: "x" } }), { kind: "lost", reason: "died" } as const];
  const all = kit(worker, () => ends.shift());
  all.secrets.set("db-key", "sk-db");
  const first = await all.until(all.drive().end);
  expect(first).toMatchObject({
    kind: "suspended",
    asks: [{ kind: "unknown", call: "think/1-1", tool: "mail.send", input: { to: "x" } }],
    usage: { modelCalls: 1 },
  });
  const at = "2026-01-01T00:00:00.000Z";
  const answers = [
    { call: "think/1-1", at, kind: "resolution", as: "done", output: { inline: "sent" } },
  ] as const;
  const second = all.drive({ attempt: 2, answers, play: playing(says("sent")) });
  expect(succeeded(await all.until(second.end))).toEqual({ text: "sent" });
  expect(all.calls.filter((call) => call.kind === "tool")).toHaveLength(1);
});

test("a rate limit is waited for on the world's clock", async () => {
  const failure = { code: "model_rate_limited", message: "429", details: { retryAfterMs: 5_000 } };
  const ends = [{ kind: "failed", failure, ...took } as const, says("now")];
  const at: number[] = [];
  const all = kit(simple, () => {
    at.push(all.world.clock.now());
    return ends.shift();
  });
  expect(succeeded(await all.until(all.drive().end))).toEqual({ text: "now" });
  expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(5_000);
});

test("a loop whose time is up stops its calls and says so; another attempt goes on", async () => {
  const all = kit(simple, () => undefined);
  const drive = all.drive();
  await all.world.time.advance(100);
  drive.stop({ code: "timeout", message: "late" });
  expect(await all.until(drive.end)).toMatchObject({
    kind: "failed",
    retryable: true,
    failure: { code: "timeout" },
  });
  const again = all.drive({ attempt: 2, play: playing(says("better")) });
  expect(succeeded(await all.until(again.end))).toEqual({ text: "better" });
});

test("an agent's own time ends its loop, whatever its calls do", async () => {
  const timed = manifestOf({ agents: [agent("main", { spec: { limits: { turns: 9, timeMs: 3_000 } } })] });
  const all = kit(timed, () => undefined);
  const started = all.world.clock.now();
  const end = await all.until(all.drive({ isStubborn: true }).end);
  expect(end).toMatchObject({ kind: "failed", failure: { code: "budget_exhausted" } });
  expect(all.world.clock.now() - started).toBeLessThan(5_000);
});

test("a task that is taken back stops its calls, and says nothing", async () => {
  const all = kit(simple, () => undefined);
  const drive = all.drive();
  await all.world.time.advance(100);
  drive.lost.abort();
  expect(await all.until(drive.end)).toEqual({ kind: "lost" });
  expect(await all.journal()).toHaveLength(1);
});

test("what goes on is told while it goes on; a reply that breaks off is void", async () => {
  let n = 0;
  const all = kit(simple, (_call, tell) => {
    tell([{ kind: "text", n: 99, from: 0, text: "hel" }]);
    tell([{ kind: "text", n: 99, from: 3, text: "lo" }]);
    const failure = { code: "model_unavailable", message: "cut" };
    return n++ === 0 ? { kind: "failed", failure, ...took } : says("hello");
  });
  const heard: LiveMessage[] = [];
  await all.until(
    all.bus.wire.subscribe(subjects.live({ tenant: defaultTenant, run }), (body) => {
      heard.push(JSON.parse(body));
    }),
  );
  await all.until(all.drive().end);
  await all.world.time.advance(100);
  expect(heard.flatMap(({ parts }) => parts)).toEqual([
    { kind: "text", n: 1, from: 0, text: "hello" },
    { kind: "void", n: 1, reason: "model_unavailable" },
    { kind: "text", n: 2, from: 0, text: "hello" },
  ]);
  expect(heard.map(({ seq }) => seq)).toEqual(heard.map((_, i) => i + 1));
});

test("spans say who was asked and what it used up, and nothing of what was said", async () => {
  const all = kit(worker, playing(asks({ tool: "db__write", input: { word: "hush" } }), says("hush")));
  all.secrets.set("db-key", "sk-db");
  await all.until(all.drive().end);
  const spans = all.records.filter((record) => record.kind === "span");
  expect(spans.map(({ name }) => name)).toEqual([
    "chat m-1",
    "execute_tool db.write",
    "chat m-1",
    "invoke_agent main",
  ]);
  const whole = spans.at(-1)?.span;
  expect(spans.slice(0, 3).every(({ parent }) => parent === whole)).toBe(true);
  expect(spans[0]?.attributes).toMatchObject({
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5,
  });
  expect(JSON.stringify(spans)).not.toContain("hush");
  const traced = all.calls.map(({ traceparent = "" }) => traceparent.split("-")[2]);
  expect(traced).toEqual(spans.slice(0, 3).map(({ span }) => span));
});

test("a long output is a blob that is there before it is named", async () => {
  const long = "x".repeat(70_000);
  const all = kit(simple, playing(says(long)));
  const end = await all.until(all.drive().end);
  if (end.kind !== "finished" || !("blob" in end.output)) throw new Error("it is no blob");
  const bytes = await all.until(all.bus.blobs.get(end.output.blob));
  expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({ text: long });
});

test("the budget of the step holds, and the failure says which", async () => {
  const all = kit(worker, () => asks({ tool: "db__write" }));
  all.secrets.set("db-key", "sk-db");
  const end = await all.until(all.drive({ task: { budget: { tokens: 9_000 } } }).end);
  expect(end).toMatchObject({ kind: "failed", retryable: false, failure: { code: "budget_exhausted" } });
});

test("calls that are stopped with the step are made again by the next attempt", async () => {
  const all = kit(worker, (call) => (isModel(call) ? asks({ tool: "db__write" }) : undefined));
  all.secrets.set("db-key", "sk-db");
  const drive = all.drive();
  await all.world.time.advance(500);
  drive.stop({ code: "timeout", message: "late" });
  expect(await all.until(drive.end)).toMatchObject({ kind: "failed", retryable: true });
  const again = all.drive({ attempt: 2, play: playing(says("done")) });
  expect(succeeded(await all.until(again.end))).toEqual({ text: "done" });
  const keys = all.calls.flatMap((call) => (isModel(call) ? [] : [call.callId]));
  expect(keys).toEqual([`${run}:think:1-1`, `${run}:think:1-1`]);
});

test("an irreversible call that is stopped with the step is left to a person", async () => {
  const all = kit(worker, (call) => (isModel(call) ? asks({ tool: "mail__send" }) : undefined));
  all.secrets.set("db-key", "sk-db");
  const drive = all.drive();
  await all.world.time.advance(500);
  drive.stop({ code: "timeout", message: "late" });
  expect(await all.until(drive.end)).toMatchObject({
    kind: "suspended",
    asks: [{ kind: "unknown", call: "think/1-1", tool: "mail.send" }],
  });
});

test("a number that is a secret as a whole is hidden in what a tool gives", async () => {
  const all = kit(worker, (call) =>
    isModel(call) ? (call.n === 1 ? asks({ tool: "db__read" }) : says("ok")) : gives({ pin: 48151623 }),
  );
  all.secrets.set("db-key", "48151623");
  await all.until(all.drive().end);
  expect(JSON.stringify(await all.journal())).not.toContain("48151623");
});

test.each(["text", "call", "model_replied", "user", "2000", "1970", "kind", "inline"])(
  "a secret that is the word %s is hidden in what is said, and stops no loop",
  async (secret) => {
    const words = manifestOf({
      tools: [tool("db.read")],
      agents: [agent("main", { spec: { tools: [{ tool: "db.read" }] } })],
    });
    let asked = 0;
    const all = kit(words, (call) => {
      if (call.kind !== "model") return gives({ said: `it is ${secret}.` });
      return asked++ === 0 ? asks({ tool: "db__read", input: { q: secret } }) : says(`so: ${secret}`);
    });
    all.secrets.set("model-key", secret);
    expect(succeeded(await all.until(all.drive().end))).toEqual({ text: "so: [redacted]" });
    const [again] = [await all.until(all.drive({ attempt: 2 }).end)];
    expect(succeeded(again)).toEqual({ text: "so: [redacted]" });
    const told = all.calls.filter((call) => call.kind === "model").at(-1);
    expect(JSON.stringify(told?.request.messages)).toContain("it is [redacted].");
  },
);
