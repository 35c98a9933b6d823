import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

/**
 * Stands for your mail provider: each mail is a file in `outbox/`. A mail cannot be taken back, so its effect
 * is `irreversible`: after a crash in the middle nobody sends it twice, a person is asked what happened.
 */
export const send = defineTool({
  description: "Send a mail to a customer",
  input: z.object({
    to: z.string().min(3).max(200),
    subject: z.string().min(1).max(200),
    text: z.string().min(1).max(20_000),
  }),
  output: z.object({ id: z.string() }),
  effect: "irreversible",
  async run({ to, subject, text }, { filesDir, run, callId }) {
    const id = `mail-${run}`;
    const folder = path.join(filesDir, "outbox");
    await mkdir(folder, { recursive: true });
    // `wx`: a second mail of the same run would fail instead of being sent.
    await writeFile(
      path.join(folder, `${id}.txt`),
      `To: ${to}\nSubject: ${subject}\nCall: ${callId}\n\n${text}\n`,
      {
        flag: "wx",
      },
    );
    return { id };
  },
});
