import { cel, defineAgent, defineTool, defineWorkflow, uses } from "@agentflow/sdk";
import type { Json } from "@agentflow/protocol";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type TestInstallation, type TestOptions, testInstallation } from "../src/index.ts";

const opened: TestInstallation[] = [];

afterEach(async () => {
  for (const af of opened.splice(0)) await af.close();
});

async function open(options: TestOptions): Promise<TestInstallation> {
  const af = await testInstallation(options);
  opened.push(af);
  return af;
}

const number = z.object({ n: z.number() });
const add = defineTool({
  description: "adds one",
  input: number,
  output: number,
  effect: "pure",
  run: ({ n }) => ({ n: n + 1 }),
});

describe("a test installation", () => {
  test("runs a project's folder as it is", async () => {
    const af = await open({ dir: path.resolve(import.meta.dirname, "../../../templates/minimal") });
    const answer = await af.run("hello", { name: "Ada" });
    expect(answer).toMatchObject({ status: "completed" });
    const view = await af.get(answer.run);
    expect(view.steps.every(({ status }) => status === "succeeded")).toBe(true);
  });

  test("an input nested thousands of levels deep is refused as the caller's fault", async () => {
    const any = defineWorkflow({ name: "any", input: z.any() })
      .set("done", () => 1)
      .output(({ steps }) => steps.done);
    const af = await open({ workflows: [any] });
    for (const levels of [64, 4_000, 50_000]) {
      let input: Json[] = [];
      for (let i = 1; i < levels; i++) input = [input];
      await expect(af.start("any", input)).rejects.toMatchObject({
        code: "invalid_input",
        reason: "input_too_deep",
      });
    }
  });

  test("a wait of a day takes no real time and as long as it says in virtual time", async () => {
    const nap = defineWorkflow({ name: "nap", input: z.object({}) })
      .wait("sleep", { for: "24h" })
      .set("after", () => "awake")
      .output(({ steps }) => steps.after);
    const af = await open({ workflows: [nap] });
    const before = af.now().getTime();
    expect(await af.run("nap", {})).toMatchObject({ status: "completed", output: "awake" });
    expect(af.now().getTime() - before).toBeGreaterThanOrEqual(24 * 3_600_000);
  });

  test("retries follow their backoff", async () => {
    const calls: number[] = [];
    const flaky = defineTool({
      description: "fails twice",
      input: number,
      output: number,
      effect: "read",
      run: ({ n }, { attempt }) => {
        calls.push(attempt);
        if (attempt < 3) throw Object.assign(new Error("not yet"), { code: "busy" });
        return { n };
      },
    });
    const flow = defineWorkflow({ name: "flaky", input: number })
      .step("try", uses("tool:t.flaky", flaky), ({ input }) => ({ n: input.n }), {
        retry: { max: 3, backoff: "10s" },
      })
      .output(({ steps }) => steps.try.n);
    const af = await open({ tools: { "t.flaky": flaky }, workflows: [flow] });
    const before = af.now().getTime();
    expect(await af.run("flaky", { n: 7 })).toMatchObject({ status: "completed", output: 7 });
    expect(calls).toEqual([1, 2, 3]);
    expect(af.now().getTime() - before).toBeGreaterThanOrEqual(27_000);
  });

  test("a killed runner and a restarted control plane lose nothing and repeat no finished step", async () => {
    const seen: number[] = [];
    const slow = defineTool({
      description: "remembers",
      input: number,
      output: number,
      effect: "read",
      run: async ({ n }, { signal }) => {
        seen.push(n);
        if (seen.length === 2) await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return { n: n + 1 };
      },
    });
    const flow = defineWorkflow({ name: "chain", input: number })
      .step("a", uses("tool:t.slow", slow), ({ input }) => ({ n: input.n }))
      .step("b", uses("tool:t.slow", slow), ({ steps }) => ({ n: steps.a.n }))
      .step("c", uses("tool:t.add", add), ({ steps }) => ({ n: steps.b.n }))
      .output(({ steps }) => steps.c.n);
    const af = await open({ tools: { "t.slow": slow, "t.add": add }, workflows: [flow] });
    const run = await af.start("chain", { n: 0 });
    while (seen.length < 2) await af.advance("10ms");
    af.killRunner();
    await af.restartControlPlane();
    expect(await run.ended()).toMatchObject({ status: "completed", output: 3 });
    expect(seen).toEqual([0, 1, 1]);
    const view = await af.get(run.run);
    expect(view.steps.find(({ step }) => step === "b")?.attempts.map(({ outcome }) => outcome)).toEqual([
      "lost",
      "succeeded",
    ]);
  });

  test("agents, conditions and forEach behave as they do everywhere", async () => {
    const greeter = defineAgent({
      description: "greets",
      input: z.object({ name: z.string() }),
      output: z.object({ text: z.string() }),
      effect: "pure",
      run: ({ name }) => ({ text: `Hello, ${name}` }),
    });
    const flow = defineWorkflow({ name: "greet", input: z.object({ names: z.array(z.string()) }) })
      .forEach(
        "each",
        uses("agent:greeter", greeter),
        ({ input }) => input.names,
        (item) => ({ name: item }),
      )
      .set(
        "many",
        ({ input }) => cel<number>`size(${input.names})`,
        ({ input }) => ({
          if: cel<boolean>`size(${input.names}) > 1`,
        }),
      )
      .output(({ steps }) => ({ texts: steps.each, many: cel<number>`steps.?many.?output.orValue(0)` }));
    const af = await open({ agents: { greeter }, workflows: [flow], nasty: true, seed: 3 });
    expect(await af.run("greet", { names: ["Ada", "Grace"] })).toMatchObject({
      status: "completed",
      output: { texts: [{ text: "Hello, Ada" }, { text: "Hello, Grace" }], many: 2 },
    });
    expect(await af.run("greet", { names: ["Ada"] })).toMatchObject({ output: { many: 0 } });
  });
});
