import { AgentFlowError, type Message, defaultTenant } from "@agentflow/protocol";
import { openMemoryBus } from "@agentflow/bus/memory";
import { virtualWorld } from "@agentflow/host/virtual";
import { expect, test } from "vitest";
import type { ModelCall } from "../../src/channel/model-messages.ts";
import { recall, recalledMessages, remember, sessionRun } from "../../src/memory/session.ts";
import { agent, kit, manifestOf, says, succeeded } from "./drive-kit.ts";

const name = { tenant: defaultTenant, agent: "main", session: "tea" };
const said = (text: string): Message => ({ role: "user", text });

function house(): { log: ReturnType<typeof openMemoryBus>["log"]; until: <T>(of: Promise<T>) => Promise<T> } {
  const world = virtualWorld(1);
  const { log } = openMemoryBus({ world, polite: true });
  return {
    log,
    async until(promise) {
      const state = { done: false };
      const ended = promise.finally(() => (state.done = true));
      for (let i = 0; i < 1_000 && !state.done; i++) await world.time.advance(10);
      return ended;
    },
  };
}

test("a session is the same whoever computes it, and another for every agent, tenant and text", () => {
  expect(sessionRun(name)).toMatch(/^r0000000000[0-9a-z]{16}$/);
  expect(sessionRun({ ...name })).toBe(sessionRun(name));
  expect(sessionRun({ ...name, agent: "other" })).not.toBe(sessionRun(name));
  expect(sessionRun({ ...name, session: "coffee" })).not.toBe(sessionRun(name));
});

test("what leaves the window is forgotten, or summed up", async () => {
  const { log, until } = house();
  for (let n = 1; n <= 3; n++) {
    await until(
      remember({ by: `r:${n}`, messages: [said(`q${n}`), said(`a${n}`)] }, { log, name, window: 4 }),
    );
  }
  expect(recalledMessages(await until(recall(log, name)))).toEqual(["q2", "a2", "q3", "a3"].map(said));
  const sumUp = async (_before: string | undefined, leaving: readonly Message[]): Promise<string> =>
    `${leaving.length} messages`;
  await until(remember({ by: "r:4", messages: [said("q4"), said("a4")] }, { log, name, window: 4, sumUp }));
  const [first, ...rest] = recalledMessages(await until(recall(log, name)));
  expect(first).toMatchObject({ text: expect.stringContaining("2 messages") });
  expect(rest).toEqual(["q3", "a3", "q4", "a4"].map(said));
});

test("two that remember at once both are remembered, each once", async () => {
  const { log, until } = house();
  const add = (by: string): Promise<void> =>
    remember({ by, messages: [said(by)] }, { log, name, window: 20 });
  await until(Promise.all([add("a"), add("b"), add("c"), add("a")]));
  const { exchanges } = await until(recall(log, name));
  expect(exchanges.map(({ by }) => by).toSorted()).toEqual(["a", "b", "c"]);
});

test("an agent with a memory goes on where its session was", async () => {
  const memory = { session: "${input.topic}", window: 4, summary: true };
  const all = kit(manifestOf({ agents: [agent("main", { spec: { memory } })] }), (call) => {
    const { request } = call.kind === "model" ? call : { request: { messages: [] } };
    const isSummary = JSON.stringify(request.messages).includes("keep the memory");
    return isSummary ? says("they like tea") : says(`answer ${request.messages.length}`);
  });
  for (let n = 1; n <= 3; n++) {
    const of = {
      task: { with: { inline: { topic: "tea", n } }, run: sessionRun({ ...name, session: `${n}` }) },
    };
    succeeded(await all.until(all.drive(of).end));
  }
  const asked = all.calls.filter((call): call is ModelCall => call.kind === "model");
  expect(asked.map(({ request }) => request.messages.length)).toEqual([2, 4, 6, 2]);
  const of = {
    task: { with: { inline: { topic: "tea", n: 4 } }, run: sessionRun({ ...name, session: "4" }) },
  };
  const end = await all.until(all.drive(of).end);
  expect(end).toMatchObject({ usage: { modelCalls: 2 } });
  const last = all.calls.at(-2);
  const messages = last?.kind === "model" ? last.request.messages : [];
  expect(messages.map((message) => (message.role === "user" ? message.text : message.role))).toEqual([
    "system",
    "What was said before, summed up:\nthey like tea",
    '{"topic":"tea","n":2}',
    "assistant",
    '{"topic":"tea","n":3}',
    "assistant",
    '{"topic":"tea","n":4}',
  ]);
});

test("a memory that cannot be written does not fail the step", async () => {
  const memory = { session: "tea", window: 4, summary: false };
  const all = kit(manifestOf({ agents: [agent("main", { spec: { memory } })] }), () => says("yes"));
  let appends = 0;
  const gate = async (where: string): Promise<void> => {
    if (where !== "before append" || ++appends < 4) return;
    throw new AgentFlowError("unavailable", "no bus");
  };
  const drive = all.drive({ gate });
  expect(succeeded(await all.until(drive.end))).toEqual({ text: "yes" });
  expect(appends).toBe(4);
});
