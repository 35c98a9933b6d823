import { defineTool } from "@agentflow/sdk";
import { z } from "zod";
import { scan as scanShape } from "../lib/shapes.ts";
import { scanLockfile } from "../lib/steps.ts";

export const scan = defineTool({
  description: "Read a package-lock.json and split its packages into groups",
  input: z.object({ lockfile: z.string().min(1) }),
  output: scanShape,
  effect: "read",
  async run({ lockfile }, { signal, projectDir, log }) {
    const scanned = await scanLockfile({ lockfile, projectDir }, signal);
    log.info("lockfile read", { packages: scanned.packages, groups: scanned.groups.length });
    return scanned;
  },
});
