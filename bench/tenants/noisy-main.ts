/** The noisy tenant's client as a process of its own: what it costs is not felt by whoever measures. */
import { createClient } from "@agentflow/sdk/client";
import { Noisy } from "./noisy.ts";
import type { FromNoisy, ToNoisy } from "./parse-noisy.ts";
import { parseToNoisy } from "./parse-noisy.ts";

const say = (message: FromNoisy): void => void process.send?.(message);
let noisy: Noisy | undefined;

process.on("disconnect", () => process.exit(0));
process.on("message", (raw) => {
  void carryOut(parseToNoisy(raw)).catch((error: unknown) => {
    say({ kind: "failed", why: error instanceof Error ? error.message : String(error) });
  });
});

async function carryOut(message: ToNoisy): Promise<void> {
  const beganMs = performance.now();
  const seconds = (): number => (performance.now() - beganMs) / 1_000;
  if (message.kind === "start") {
    const { url, token, hungShare } = message;
    const client = createClient({ url, token, retryForMs: 60_000 });
    noisy = new Noisy({
      ...message,
      client,
      session: client.session(),
      // Spread evenly, whatever the share is.
      workflowOf: (n) => (Math.floor((n + 1) * hungShare) > Math.floor(n * hungShare) ? "hung" : "two"),
    });
    await noisy.run();
    const refused = Object.fromEntries(noisy.refused);
    say({ kind: "started", accepted: noisy.accepted.length, seconds: seconds(), refused });
  } else if (noisy !== undefined) {
    const told = await noisy.cancelAll(message.inFlight);
    say({ kind: "cancelled", ...told, seconds: seconds() });
  }
}
