import { readFile } from "node:fs/promises";
import path from "node:path";
import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

export const search = defineTool({
  description: "Search the shop's rules; gives the sections that speak of the words",
  input: z.object({ words: z.string().min(1).max(200).describe("what the rule is about, e.g. return") }),
  output: z.object({ sections: z.array(z.object({ title: z.string(), text: z.string() })) }),
  effect: "read",
  async run({ words }, { projectDir }) {
    const text = await readFile(path.join(projectDir, "data/rules.md"), "utf8");
    const sections = text
      .split(/^## /m)
      .slice(1)
      .map((part) => {
        const [title = "", ...lines] = part.split("\n");
        return { title: title.trim(), text: lines.join("\n").trim() };
      });
    const wanted = words
      .toLowerCase()
      .split(/\W+/)
      .filter((word) => word.length > 3);
    const speaks = ({ title, text: body }: { title: string; text: string }): boolean =>
      wanted.some((word) => `${title} ${body}`.toLowerCase().includes(word.slice(0, 5)));
    return { sections: sections.filter(speaks).slice(0, 3) };
  },
});
