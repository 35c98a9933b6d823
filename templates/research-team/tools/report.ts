import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

/** The same run writes the same file, so writing it again after a crash changes nothing. */
export const write = defineTool({
  description: "Write the report into the folder reports/",
  input: z.object({
    title: z.string().min(1).max(200),
    text: z.string().min(1),
    sources: z.array(z.string()),
  }),
  output: z.object({ file: z.string() }),
  effect: "write",
  idempotencyKey: (_input, { callId }) => callId,
  async run({ title, text, sources }, { filesDir, run }) {
    const file = path.join("reports", `${run}.md`);
    await mkdir(path.join(filesDir, "reports"), { recursive: true });
    const list = sources.map((source) => `- ${source}`).join("\n");
    await writeFile(path.join(filesDir, file), `# ${title}\n\n${text}\n\n## Sources\n\n${list}\n`);
    return { file };
  },
});
