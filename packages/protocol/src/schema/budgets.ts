/** What one run may use up, as it is authored for a project or a workflow. */
import { z } from "zod";
import { duration } from "./parse-id.ts";
import { authored } from "./parse-object.ts";

export const budgets = authored({
  usd: z
    .number()
    .min(0)
    .exactOptional()
    .meta({ description: "Money in US dollars.", examples: [5] }),
  tokens: z
    .int()
    .min(0)
    .exactOptional()
    .meta({
      description: "Tokens of models, in and out.",
      examples: [200_000],
    }),
  time: duration.exactOptional().meta({ description: "Time from start to end.", examples: ["30m"] }),
});
