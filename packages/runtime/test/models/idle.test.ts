/** How long a reply may stand still, on time that the test moves. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CallHouse } from "../../src/model/call-house.ts";
import type { Models } from "../../src/model/call-model.ts";
import { ModelError } from "../../src/model/model-error.ts";
import { type ModelEnd, performModel } from "../../src/runner/model-calls.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Asked {
  readonly house: CallHouse;
  readonly end: () => ModelEnd | undefined;
  readonly told: string[];
}

function asked(timeoutMs: number): Asked {
  let house: CallHouse | undefined;
  let end: ModelEnd | undefined;
  const told: string[] = [];
  const models: Models = {
    call: (_, given) => {
      house = given;
      return new Promise((_, reject) => {
        given.signal.addEventListener("abort", () => {
          const reason: unknown = given.signal.reason;
          reject(reason instanceof ModelError ? reason : new ModelError("model_unavailable", "?"));
        });
      });
    },
  };
  const call = {
    kind: "model",
    name: "m",
    model: { provider: "p", model: "m", timeoutMs },
    request: { messages: [], tools: [] },
    run: "r",
    workflow: "w",
    step: "s",
    attempt: 1,
    n: 1,
    callId: "c",
  } as const;
  const part = (parts: readonly { readonly kind: string; readonly text?: string }[]): void => {
    told.push(parts.map(({ kind, text }) => `${kind} ${text ?? ""}`).join("; "));
  };
  void performModel(call, { models, stop: new AbortController().signal, part }).then((ended) => {
    end = ended;
  });
  if (house === undefined) throw new Error("the model was not asked");
  return { house, end: () => end, told };
}

test("a model may think in silence until its timeout", async () => {
  const { house, end } = asked(600_000);
  house.alive();
  house.piece({ kind: "reasoning", text: "Hm" });
  await vi.advanceTimersByTimeAsync(599_000);
  expect(end()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(end()).toMatchObject({
    failure: { code: "model_timeout", message: expect.stringContaining("600000 ms") },
  });
});

test("text that stands still for a minute has lost its connection; signs of life keep it", async () => {
  const { house, end } = asked(600_000);
  house.piece({ kind: "text", text: "One" });
  await vi.advanceTimersByTimeAsync(59_000);
  house.alive();
  await vi.advanceTimersByTimeAsync(59_000);
  expect(end()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(end()).toMatchObject({
    failure: { code: "model_timeout", message: expect.stringContaining("stood still") },
  });
});

test("pieces leave together after 15 ms, or at once when there are many", async () => {
  const { house, told } = asked(600_000);
  house.piece({ kind: "reasoning", text: "Hm" });
  house.piece({ kind: "text", text: "One " });
  house.piece({ kind: "text", text: "two" });
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(15);
  expect(told).toEqual(["reasoning Hm; text One two"]);
  house.piece({ kind: "text", text: "x".repeat(2_048) });
  expect(told).toHaveLength(2);
});
