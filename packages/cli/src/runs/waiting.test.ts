import type { WhyAnswer } from "@agentflow/protocol";
import { expect, test, vi } from "vitest";
import { Silence } from "./waiting.ts";

test("what was asked before the run ended is not told behind its end", async () => {
  const stop = new AbortController();
  const asked = Promise.withResolvers<WhyAnswer>();
  const why = vi.fn(() => asked.promise);
  const onWait = vi.fn();
  const watching = new Silence().watch({ client: { runs: { why } }, run: "r", onWait, signal: stop.signal });
  await expect.poll(() => why.mock.calls.length, { timeout: 10_000 }).toBe(1);
  stop.abort();
  const reasons = [{ reason: "no_worker", message: "nobody serves it" }];
  asked.resolve({ run: "r", status: "running", headline: "it waits", reasons });
  await watching;
  expect(onWait).not.toHaveBeenCalled();
}, 20_000);

test("who leaves does not wait for the answer of an installation that gives none", async () => {
  const stop = new AbortController();
  const why = vi.fn((_run: string, options: { readonly signal?: AbortSignal } = {}) => {
    return new Promise<WhyAnswer>((_, reject) => {
      options.signal?.addEventListener("abort", () => reject(new Error("left")));
    });
  });
  const client = { runs: { why } };
  const watching = new Silence().watch({ client, run: "r", onWait: vi.fn(), signal: stop.signal });
  await expect.poll(() => why.mock.calls.length, { timeout: 10_000 }).toBe(1);
  stop.abort();
  await watching;
}, 10_000);
