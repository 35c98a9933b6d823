import { expect, test } from "vitest";
import { type Play, agent, asks, gives, kit, manifestOf, run, says, succeeded, tool } from "./drive-kit.ts";

/** Replies by the agent that is asked, one after the other. */
function playing(replies: { readonly [agent: string]: ReturnType<typeof says>[] }): Play {
  return (call) => {
    if (call.kind !== "model") return gives({ did: call.name });
    const [first] = call.request.messages;
    const text = first?.role === "system" ? first.text : "";
    const name = /You are ([a-z]+)\./.exec(text)?.[1] ?? "";
    return replies[name]?.shift();
  };
}

const team = manifestOf({
  tools: [tool("mail.send", { effect: "irreversible", approval: "always" }), tool("db.read")],
  agents: [
    agent("main", { spec: { agents: ["writer", "plain"] } }),
    agent("writer", { spec: { tools: [{ tool: "mail.send" }, { tool: "db.read" }] } }),
    { name: "plain", description: "a function", effect: "write", file: "agents/plain.ts" },
  ],
});

test("a sub-agent has a journal of its own, and what it used up counts for the step", async () => {
  const all = kit(
    team,
    playing({
      main: [
        asks({ tool: "agent__writer", input: { task: "a" } }, { tool: "agent__plain", input: { task: "b" } }),
        says("done"),
      ],
      writer: [asks({ tool: "db__read" }), says("written")],
    }),
  );
  const end = await all.until(all.drive().end);
  expect(succeeded(end)).toEqual({ text: "done" });
  expect(end).toMatchObject({ usage: { modelCalls: 4, inputTokens: 40, toolCalls: 1 } });
  expect((await all.journal("think~0")).flatMap(({ events }) => events).at(-1)).toMatchObject({
    kind: "agent_finished",
    output: { inline: { text: "written" } },
  });
  expect(all.calls.find(({ kind }) => kind === "agent")).toMatchObject({
    name: "plain",
    callId: `${run}:think~1`,
  });
  expect(all.calls.find(({ kind }) => kind === "tool")).toMatchObject({
    name: "db.read",
    callId: `${run}:think~0:1-1`,
    step: "think",
  });
});

test("what a sub-agent asks of people is asked of them by the step; its answer wakes it again", async () => {
  const play = playing({
    main: [asks({ tool: "agent__writer", input: { task: "a" } }), says("done")],
    writer: [asks({ tool: "mail__send", input: { to: "x" } }), says("sent")],
  });
  const all = kit(team, play);
  const first = await all.until(all.drive().end);
  expect(first).toMatchObject({
    kind: "suspended",
    asks: [{ kind: "approval", call: "think~0/1-1", tool: "mail.send", shown: { input: { to: "x" } } }],
  });
  const [ask] = first.kind === "suspended" ? first.asks : [];
  if (ask?.kind !== "approval") throw new Error("nobody was asked");
  const at = "2026-01-01T00:00:00.000Z";
  const answer = {
    call: ask.call,
    at,
    kind: "approval",
    approved: true,
    how: "person",
    hash: ask.hash,
  } as const;
  const second = await all.until(all.drive({ attempt: 2, answers: [answer] }).end);
  expect(succeeded(second)).toEqual({ text: "done" });
  // Totals of the step, not of the attempt.
  expect(second).toMatchObject({ usage: { modelCalls: 4 } });
  expect(all.calls.filter(({ kind }) => kind === "tool")).toMatchObject([{ name: "mail.send" }]);
});

test("what sub-agents of earlier attempts used up counts for the step, and against its budget", async () => {
  const all = kit(
    team,
    playing({
      main: [asks({ tool: "agent__writer", input: { task: "a" } })],
      writer: [says("written")],
    }),
  );
  const first = all.drive();
  await all.world.time.advance(2_000);
  first.lost.abort();
  await all.until(first.end);
  const second = all.drive({ attempt: 2, play: playing({ main: [says("done")] }) });
  expect(await all.until(second.end)).toMatchObject({ kind: "finished", usage: { modelCalls: 4 } });
});

test("agents that call each other come to an end", async () => {
  const round = manifestOf({ agents: [agent("main", { spec: { agents: ["main"] } })] });
  const all = kit(round, (call) => {
    if (call.kind !== "model") return gives({});
    const told = call.request.messages.some(({ role }) => role === "tool");
    return told ? says("enough") : asks({ tool: "agent__main", input: { task: "go on" } });
  });
  expect(succeeded(await all.until(all.drive().end))).toEqual({ text: "enough" });
  const [last] = (await all.journal("think~0~0~0")).flatMap(({ events }) =>
    events.filter((event) => event.kind === "call_failed"),
  );
  expect(last).toMatchObject({ failure: { code: "limit_exceeded" } });
});

test("whoever takes the conversation over goes on by its own instructions and tools", async () => {
  const desk = manifestOf({
    tools: [tool("db.read")],
    agents: [
      agent("main", { spec: { handoffs: ["expert"] } }),
      agent("expert", { spec: { tools: [{ tool: "db.read" }] } }),
    ],
  });
  const all = kit(
    desk,
    playing({
      main: [asks({ tool: "transfer_to_expert" })],
      expert: [asks({ tool: "db__read" }), says("solved")],
    }),
  );
  expect(succeeded(await all.until(all.drive().end))).toEqual({ text: "solved" });
  const models = all.calls.filter((call) => call.kind === "model");
  expect(models.map(({ request }) => request.tools.map(({ name }) => name))).toEqual([
    ["transfer_to_expert"],
    ["db__read"],
    ["db__read"],
  ]);
  expect(models[1]?.request.messages[0]).toEqual({ role: "system", text: "You are expert." });
});

test("sub-agents side by side stay within what their parent has left", async () => {
  const bound = manifestOf({
    agents: [
      agent("main", { spec: { agents: ["writer"], limits: { turns: 9, tokens: 12_000 } } }),
      agent("writer"),
    ],
  });
  const all = kit(
    bound,
    playing({
      main: [
        asks(...[1, 2, 3, 4, 5].map((n) => ({ tool: "agent__writer", input: { task: `${n}` } }))),
        says("done"),
      ],
      writer: [1, 2, 3, 4, 5].map((n) => says(`${n}`)),
    }),
  );
  await all.until(all.drive().end);
  const reserved = await Promise.all(
    [0, 1, 2, 3, 4].map(async (k) => (await all.journal(`think~${k}`)).flatMap(({ events }) => events)),
  );
  const tokens = reserved.flat().flatMap((event) => {
    return event.kind === "model_called" ? [event.reserved.tokens] : [];
  });
  expect(tokens.reduce((sum, of) => sum + of, 0)).toBeLessThanOrEqual(12_000);
  expect(tokens.length).toBeGreaterThan(0);
});

test("an agent that is a function and cannot be undone is not called again on its own", async () => {
  const shop = manifestOf({
    agents: [
      agent("main", { spec: { agents: ["payer"] } }),
      { name: "payer", description: "pays", effect: "irreversible", file: "agents/payer.ts" },
    ],
  });
  const replies = [asks({ tool: "agent__payer", input: { task: "pay" } })];
  const all = kit(shop, (call) => (call.kind === "model" ? replies.shift() : undefined));
  const first = all.drive();
  await all.world.time.advance(500);
  first.lost.abort();
  await all.until(first.end);
  expect(await all.until(all.drive({ attempt: 2 }).end)).toMatchObject({
    kind: "suspended",
    asks: [{ kind: "unknown", call: "think/1-1", tool: "agent:payer" }],
  });
  expect(all.calls.filter(({ kind }) => kind === "agent")).toHaveLength(1);
});

test("a sub-agent that cannot begin is told to the agent above it, which goes on", async () => {
  const broken = manifestOf({
    agents: [
      agent("main", { spec: { agents: ["writer"] } }),
      agent("writer", { spec: { instructions: "Write of ${input.nothing.there}." } }),
    ],
  });
  const all = kit(
    broken,
    playing({ main: [asks({ tool: "agent__writer", input: { task: "a" } }), says("without it")] }),
  );
  expect(succeeded(await all.until(all.drive().end))).toEqual({ text: "without it" });
  const events = (await all.journal()).flatMap((record) => record.events);
  expect(events.find(({ kind }) => kind === "call_failed")).toMatchObject({
    failure: { code: "template_failed" },
  });
});
