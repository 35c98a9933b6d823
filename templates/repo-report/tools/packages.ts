import { defineTool } from "@agentflow/sdk";
import { z } from "zod";
import { group, groupFacts } from "../lib/shapes.ts";
import { inspectPackages } from "../lib/steps.ts";

export const inspect = defineTool({
  description: "Licences, duplicates, install scripts, sizes and depth of one group of packages",
  input: z.object({ lockfile: z.string().min(1), sha256: z.string(), group, of: z.int().positive() }),
  output: groupFacts,
  effect: "read",
  async run(input, { signal, projectDir }) {
    return await inspectPackages({ ...input, projectDir }, signal);
  },
});
