import { defineAgent } from "@agentflow/sdk";
import { z } from "zod";

/** An agent written as a function: it needs no model. What it logs is shown by `af logs`. */
export default defineAgent({
  description: "Answer a greeting in the tone in which it came",
  input: z.object({ greeting: z.string() }),
  output: z.object({ reply: z.string() }),
  effect: "pure",
  async run({ greeting }, { log }) {
    const loud = greeting === greeting.toUpperCase();
    log.info("answering", { loud });
    return { reply: loud ? "NO NEED TO SHOUT." : "Nice to meet you." };
  },
});
