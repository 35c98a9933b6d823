import { expect, test } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool, defineWorkflow, uses } from "./index.ts";

const find = defineTool({
  description: "Find an order",
  input: z.object({ id: z.string() }),
  output: z.object({ state: z.string() }),
  effect: "read",
  run: () => ({ state: "sent" }),
});

const sorter = defineAgent({
  description: "Sorts tickets",
  instructions: { file: "prompts/sorter.md" },
  input: z.object({ ticket: z.string() }),
  output: z.object({ kind: z.enum(["refund", "question"]) }),
  tools: ["rules.search", uses("tool:orders.find", find), { use: "mail.send", approval: "always" }],
});
const writer = defineAgent({ description: "Writes", instructions: "Write." });
const code = defineAgent({
  description: "Counts",
  input: z.object({ n: z.number() }),
  output: z.number(),
  effect: "pure",
  run: ({ n }) => n,
});

test("without run a model does an agent's work, with run the function does", () => {
  expect(sorter).toMatchObject({ kind: "agent", model: true });
  expect(writer).toMatchObject({ kind: "agent", model: true });
  expect(code).not.toHaveProperty("model");
});

test("steps know what model agents take and give, a text where they name no output", () => {
  const { definition } = defineWorkflow({ name: "triage", input: z.object({ ticket: z.string() }) })
    .step("sort", uses("agent:sorter", sorter), ({ input }) => ({ ticket: input.ticket }))
    // @ts-expect-error an agent's input is checked
    .step("wrong", uses("agent:sorter", sorter), () => ({ tickets: 1 }))
    .step("write", uses("agent:writer", writer), ({ steps }) => ({ kind: steps.sort.kind }))
    .output(({ steps }) => ({ reply: steps.write.text }));
  expect(definition.steps["write"]?.with).toEqual({ kind: "${steps.sort.output.kind}" });
  expect(definition.output).toEqual({ reply: "${steps.write.output.text}" });
});
