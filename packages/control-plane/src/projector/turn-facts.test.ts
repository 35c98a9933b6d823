import { defaultTenant, parseId, subjects, type TurnEvent } from "@agentflow/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, type House, openHouse, runId } from "../api/fixtures/house.ts";
import { shardOf } from "../orchestrator/shard.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const at = "2026-11-26T12:00:00.000Z";
const usage = { inputTokens: 100, outputTokens: 20 };

function replied(n: number, model: string, usd?: string): TurnEvent {
  const reply = { parts: [], finish: "stop" as const, usage };
  return {
    kind: "model_replied",
    at,
    n,
    turn: n,
    model,
    reply,
    ms: 5,
    ...(usd === undefined ? {} : { usd }),
  };
}

function refused(reason: "not_allowed" | "denied"): TurnEvent {
  return { kind: "call_refused", at, call: "1-0", tool: "mail__send", reason, message: "no" };
}

async function journal(events: readonly TurnEvent[]): Promise<string> {
  const run = parseId("run", runId());
  const step = parseId("step instance", "draft");
  const subject = subjects.turn({ shard: shardOf(run), tenant: defaultTenant, run, step });
  const body = JSON.stringify({ v: 1, kind: "journal", attempt: 1, events });
  await house.bus.client("a-worker").log.append(subject, body, { expect: 0 });
  await house.controlPlane.engine.caughtUp();
  return run;
}

test("usage by model comes from the journals, and is counted", async () => {
  await journal([replied(1, "fast", "0.5"), replied(2, "local")]);
  await journal([replied(1, "fast", "0.25")]);
  const answer = await ask(house, "GET", "/v1/usage?by=model");
  expect(answer.body.data).toMatchObject({
    by: "model",
    rows: [
      { name: "fast", runs: 2, usage: { inputTokens: 200, outputTokens: 40, modelCalls: 2, usd: "0.75" } },
      { name: "local", runs: 1, usage: { inputTokens: 100, usd: "0", unpriced: true } },
    ],
    total: { inputTokens: 300, usd: "0.75", unpriced: true },
  });
  const metrics = (await ask(house, "GET", "/metrics")).text;
  expect(metrics).toMatch(/model_tokens_total\{direction="input",model="fast"\} 200/);
  expect(metrics).toMatch(/model_usd_total\{model="fast"\} 0\.75/);
});

test("a call that an agent may not have is audited once, one that a person denied is not", async () => {
  const run = await journal([refused("denied"), refused("not_allowed")]);
  const trail = async () => (await ask(house, "GET", "/v1/audit?limit=1000")).text.split(run).length - 1;
  await expect.poll(trail).toBe(1);
  expect((await ask(house, "GET", "/v1/audit?limit=1000")).text).toContain(
    `"by":"the agent of draft","did":"callTool","outcome":"refused","reason":"not_allowed","to":"${run}"`,
  );
});

test("counts that are none are passed over, and what comes behind them is counted", async () => {
  const strange = { ...usage, cacheReadTokens: JSON.parse('{"many":1}') };
  const odd = replied(1, "odd");
  if (odd.kind !== "model_replied") throw new Error("no reply");
  await journal([{ ...odd, reply: { ...odd.reply, usage: strange } }]);
  await journal([replied(1, "behind")]);
  const answer = await ask(house, "GET", "/v1/usage?by=model");
  expect(JSON.stringify(answer.body.data)).toContain("behind");
  expect(JSON.stringify(answer.body.data)).not.toContain("odd");
});
