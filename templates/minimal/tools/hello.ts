import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

const who = z.object({ name: z.string().min(1) });
const said = z.object({ text: z.string() });

export const greet = defineTool({
  description: "Greet somebody by name",
  input: who,
  output: said,
  effect: "pure",
  async run({ name }) {
    return { text: `Hello, ${name}!` };
  },
});

export const shout = defineTool({
  description: "Greet somebody far away",
  input: who,
  output: said,
  effect: "pure",
  async run({ name }) {
    return { text: `HELLO, ${name.toUpperCase()}!` };
  },
});
