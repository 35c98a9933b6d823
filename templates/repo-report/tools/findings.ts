import { defineTool } from "@agentflow/sdk";
import { z } from "zod";
import { mergeFacts } from "../lib/merge.ts";
import { rankFindings } from "../lib/rank.ts";
import { facts, groupFacts, ranking } from "../lib/shapes.ts";

export const merge = defineTool({
  description: "Make one account of all groups",
  input: z.object({ groups: z.array(groupFacts) }),
  output: facts,
  effect: "pure",
  async run({ groups }) {
    return mergeFacts(groups);
  },
});

export const rank = defineTool({
  description: "Turn facts into findings, the most severe first",
  input: z.object({ facts }),
  output: ranking,
  effect: "pure",
  async run(input) {
    return rankFindings(input.facts);
  },
});
