import { describe, expect, test } from "vitest";
import type { TurnEvent } from "@agentflow/protocol";
import { Walk, ask, eventText, first, resolve } from "./fixtures/walk.ts";
import { viewTurn } from "./index.ts";

const walk = new Walk().begin().reply(ask("orders__find"), ask("agent__helper"), ask("nonsense"));
walk.returns("1-1", { state: "sent" }).returns("1-2", "helped").reply(ask("mail__refund"));
const events: readonly TurnEvent[] = walk.records.flatMap((body) => JSON.parse(body).events);

function after(text: string) {
  const count = events.findIndex((event) => eventText(event) === text) + 1;
  if (count === 0) throw new Error(`no event ${text}`);
  return viewTurn(events, { step: "answer", count, resolve });
}

describe("a debugger sees", () => {
  test("nothing before the first event", () => {
    const none = viewTurn(events, { step: "answer", count: 0, resolve });
    expect(none).toMatchObject({ status: "absent", messages: [], prompt: [], turn: 0 });
  });

  test("what the model is given while it is asked", () => {
    const view = after("model_called 1 default");
    expect(view).toMatchObject({
      status: "asking",
      agent: "writer",
      model: "default",
      turn: 1,
      prompt: first,
    });
  });

  test("calls with what they were given, and sub-agents with where their journal lies", () => {
    const view = after("call_returned 1-1");
    expect(view.status).toBe("calling");
    expect(view.calls).toEqual([
      {
        call: "1-1",
        tool: "orders__find",
        status: "returned",
        input: { inline: { id: 7 } },
        output: { inline: { state: "sent" } },
      },
      {
        call: "1-2",
        tool: "agent__helper",
        status: "under_way",
        input: { inline: { id: 7 } },
        step: "answer~0",
      },
      {
        call: "1-3",
        tool: "nonsense",
        status: "refused",
        input: { inline: { id: 7 } },
        failure: { code: "unknown_tool", message: expect.stringContaining("not among") },
      },
    ]);
  });

  test("the prompt of the call that was made last, and what was said since", () => {
    const view = after("model_replied 2 default");
    expect([view.prompt.length, view.messages.length]).toEqual([4, 5]);
    expect(view.usage).toEqual({
      inputTokens: 200,
      outputTokens: 20,
      modelCalls: 2,
      toolCalls: 1,
      usd: "0.00024",
    });
  });

  test("whom a loop waits for", () => {
    expect(after("call_asked 2-1")).toMatchObject({
      status: "waiting",
      asks: [{ kind: "approval", call: "answer/2-1" }],
    });
  });
});
