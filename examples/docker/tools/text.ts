import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

export const count = defineTool({
  description: "Count the words of a text, and find the longest",
  input: z.object({ text: z.string() }),
  output: z.object({ words: z.int(), longest: z.string() }),
  effect: "pure",
  async run({ text }, { log }) {
    const words = text.match(/[\p{L}\p{N}'-]+/gu) ?? [];
    const longest = words.reduce((best, word) => (word.length > best.length ? word : best), "");
    log.info("counted", { words: words.length });
    return { words: words.length, longest };
  },
});
