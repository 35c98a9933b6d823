import { resolve } from "node:path";
import { defineTool } from "@agentflow/sdk";
import { z } from "zod";
import { facts, ranking, scan, written } from "../lib/shapes.ts";
import { writeReport } from "../lib/write.ts";

export const write = defineTool({
  description: "Write report.md and report.json",
  input: z.object({
    source: scan.omit({ groups: true }),
    facts,
    ranking,
    out: z.string().min(1),
  }),
  output: written,
  effect: "write",
  // The same call writes the same bytes to the same two files, so repeating it after a crash is safe.
  idempotencyKey: (_input, { callId }) => callId,
  async run({ out, ...report }, { callId, filesDir, log }) {
    const files = await writeReport(report, resolve(filesDir, out), callId);
    log.info("reports written", files);
    return files;
  },
});
