import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { type Ref, cel, defineTool, defineWorkflow, uses } from "./index.ts";

const find = defineTool({
  description: "Find an order",
  input: z.object({ id: z.string() }),
  output: z.object({ id: z.string(), total: z.number() }),
  effect: "read",
  run: ({ id }) => ({ id, total: 3 }),
});

test("a step's output type is known in the next, and paths become CEL", () => {
  const flow = defineWorkflow({ name: "orders", input: z.object({ ids: z.array(z.string()) }) })
    .forEach(
      "look",
      uses("tool:orders.find", find),
      ({ input }) => input.ids,
      (item) => ({ id: item }),
      { maxParallel: 4 },
    )
    .set("first", ({ steps }) => {
      expectTypeOf(steps.look).toExtend<Ref<{ id: string; total: number }[]>>();
      return { total: steps.look[0]?.total, note: "costs ${ }" };
    })
    .step(
      "again",
      uses("tool:orders.find", find),
      ({ input }) => ({ id: input.ids[0] ?? "none" }),
      ({ steps }) => ({
        if: cel<boolean>`${steps.first.total} > ${2}`,
        retry: { max: 3, backoff: "1s" },
      }),
    )
    .output(({ steps }) => ({ total: steps.again.total }));

  expect(flow.definition.steps).toEqual({
    look: {
      uses: "tool:orders.find",
      with: { id: "${item}" },
      forEach: { in: "input.ids", maxParallel: 4 },
    },
    first: { uses: "set", with: { total: "${steps.look.output[0].total}", note: "costs $${ }" } },
    again: {
      uses: "tool:orders.find",
      with: { id: "${input.ids[0]}" },
      if: "steps.first.output.total > 2",
      retry: { max: 3, backoff: "1s" },
    },
  });
  expect(flow.definition.output).toEqual({ total: "${steps.again.output.total}" });
  expect(flow.definition.input).toMatchObject({ type: "object", required: ["ids"] });
});

test("a wrong input type does not compile", () => {
  const flow = defineWorkflow({ name: "orders", input: z.object({ n: z.number() }) });
  // @ts-expect-error: a number is not a string
  const made = flow.step("look", uses("tool:orders.find", find), ({ input }) => ({ id: input.n })).output();
  expect(made.definition.steps).toHaveProperty("look");
});

test("people are asked before a step, and as a step of its own", () => {
  const input = z.object({ id: z.string() });
  const flow = defineWorkflow({ name: "orders", input, budgets: { usd: 2, time: "1h" } })
    .ask("sure", ({ input }) => ({ text: "Look it up?", id: input.id }), { approval: { expires: "1h" } })
    .step(
      "look",
      uses("tool:orders.find", find),
      ({ input }) => ({ id: input.id }),
      ({ input, steps }) => {
        expectTypeOf(steps.sure.approved).toExtend<Ref<boolean>>();
        return { if: steps.sure.approved, approval: { text: cel<string>`${input.id} + "?"` } };
      },
    )
    .output();
  expect(flow.definition).toMatchObject({
    budgets: { usd: 2, time: "1h" },
    steps: {
      sure: {
        uses: "human:approve",
        with: { text: "Look it up?", id: "${input.id}" },
        approval: { expires: "1h" },
      },
      look: { if: "steps.sure.output.approved", approval: { text: '${input.id + "?"}' } },
    },
  });
});
