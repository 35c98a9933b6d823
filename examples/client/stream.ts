import type { Client } from "@agentflow/sdk/client";

/** Follows a run and writes what its agents say as they say it; `show` gets pieces of text. */
export async function showSpeech(af: Client, run: string, show: (text: string) => void): Promise<void> {
  for await (const item of af.runs.follow(run, { live: true })) {
    switch (item.kind) {
      case "text":
        // Pieces of a reply join on to each other. Agents side by side: `item.step` says who speaks.
        show(item.text);
        break;
      case "void":
        show(`\n(the model broke off: ${item.reason}; it begins anew)\n`);
        break;
      case "progress":
        show(`\n[${item.call}] ${item.message}\n`);
        break;
      case "journal":
        for (const event of item.record.record.events) {
          if (event.kind === "call_started") show(`\n[${event.call}] ${event.uses}\n`);
        }
        break;
      case "event":
        show(`\n${item.event.event.kind}\n`);
        break;
      case "call":
      case "reasoning":
        break;
    }
  }
}
