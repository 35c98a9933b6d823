import * as fc from "fast-check";
import type { TurnEvent } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { World } from "./fixtures/world.ts";
import { callables, rulesOf } from "./fixtures/rules.ts";
import { addUsage, emptyTurn, evolveTurn, messagesOf, usageOf, viewTurn } from "./index.ts";
import { resolve } from "./fixtures/walk.ts";

const anyTool = fc.constantFrom(...callables.keys(), "admin__drop");
const anyScript = fc.array(fc.array(anyTool, { minLength: 1, maxLength: 10 }), { maxLength: 6 });
const anyDice = fc.array(fc.nat(240), { maxLength: 600, size: "max" });

function count(events: readonly TurnEvent[], ...kinds: readonly TurnEvent["kind"][]): number {
  return events.filter(({ kind }) => kinds.includes(kind)).length;
}

/** Every promise at once, whatever comes in between: they are told apart by what is said when one breaks. */
function check(world: World): void {
  const { events, state, end } = world;
  expect(end, "every loop ends").toBeDefined();
  expect(state.kind).toBe("ended");
  expect(count(events, "agent_finished"), "one end").toBeLessThanOrEqual(1);
  // A stop loses a call as a death does.
  const losses = world.crashes + count(events, "agent_failed");
  const answered = count(events, "model_replied", "model_failed");
  expect(world.modelSends, "at most one more model call for each death").toBeLessThanOrEqual(
    answered + losses,
  );
  for (const [call, sent] of world.sends) {
    expect(sent.keys.size, `${call} has one key`).toBeLessThanOrEqual(1);
    if (!sent.effect.startsWith("mail.")) continue;
    expect(sent.count, `${call} is made once, but for a person's word`).toBeLessThanOrEqual(1 + sent.again);
  }
}

test("wherever it dies, a loop ends, repeats no call wrongly and asks the model once more at most", () => {
  let deaths = 0;
  fc.assert(
    fc.property(anyScript, anyDice, (script, dice) => {
      const world = new World(script, dice).run();
      check(world);
      deaths += world.crashes;
    }),
    { numRuns: 1_500 },
  );
  expect(deaths, "it has died often enough").toBeGreaterThan(1_000);
});

test("the fold of the events as they were written is the state", () => {
  fc.assert(
    fc.property(anyScript, anyDice, (script, dice) => {
      const { events, state } = new World(script, dice).run();
      const read: readonly TurnEvent[] = JSON.parse(JSON.stringify(events));
      expect(read.reduce(evolveTurn, emptyTurn)).toEqual(state);
    }),
    { numRuns: 200 },
  );
});

test("the model is told of every call it asked for, once and in order", () => {
  fc.assert(
    fc.property(anyScript, anyDice, (script, dice) => {
      const { state } = new World(script, dice).run();
      const messages = messagesOf(state, resolve);
      for (const [i, message] of messages.entries()) {
        if (message.role !== "assistant") continue;
        const calls = message.parts.flatMap((part) => (part.kind === "call" ? [part.id] : []));
        const next = messages[i + 1];
        const results = next?.role === "tool" ? next.results.map(({ id }) => id) : [];
        // A loop that was stopped knows not of all.
        if (i + 2 < messages.length) expect(results).toEqual(calls);
      }
    }),
    { numRuns: 200 },
  );
});

test("a budget of tokens is never passed by what is set aside", () => {
  fc.assert(
    fc.property(anyScript, anyDice, fc.integer({ min: 300, max: 30_000 }), (script, dice, tokens) => {
      const world = new World(script, dice, rulesOf({ budget: { tokens } })).run();
      let state = emptyTurn;
      for (const event of world.events) {
        if (event.kind === "model_called") {
          const { inputTokens, outputTokens } = usageOf(state);
          expect(inputTokens + outputTokens + event.reserved.tokens).toBeLessThanOrEqual(tokens);
        }
        state = evolveTurn(state, event);
      }
    }),
    { numRuns: 300 },
  );
});

test("usage never shrinks, and a debugger can look at any event", () => {
  fc.assert(
    fc.property(anyScript, anyDice, (script, dice) => {
      const { events } = new World(script, dice).run();
      let last = 0;
      for (let at = 0; at <= events.length; at += 7) {
        const { usage } = viewTurn(events, { step: "answer", count: at, resolve });
        const total = addUsage(usage, usage).inputTokens;
        expect(total).toBeGreaterThanOrEqual(last);
        last = total;
      }
    }),
    { numRuns: 50 },
  );
});
