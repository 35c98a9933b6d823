/** The noisy tenant's client as a process of its own: what it costs is not felt by whoever measures. */
import { type Client, createClient } from "@agentflow/sdk/client";
import { cancelAll } from "./cancel-all.ts";
import { Noisy } from "./noisy.ts";
import type { FromNoisy, ToNoisy } from "./parse-noisy.ts";
import { parseToNoisy } from "./parse-noisy.ts";

const say = (message: FromNoisy): void => void process.send?.(message);
let tenant: { readonly noisy: Noisy; readonly client: Client } | undefined;

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
    const noisy = new Noisy({
      ...message,
      client,
      session: client.session(),
      // Spread evenly, whatever the share is.
      workflowOf: (n) => (Math.floor((n + 1) * hungShare) > Math.floor(n * hungShare) ? "hung" : "two"),
    });
    tenant = { noisy, client };
    await noisy.run();
    const refused = Object.fromEntries(noisy.refused);
    say({ kind: "started", accepted: noisy.accepted.length, seconds: seconds(), refused });
  } else if (tenant !== undefined) {
    const told = await cancelAll(tenant.client, tenant.noisy.accepted, message.inFlight);
    say({ kind: "cancelled", ...told, seconds: seconds() });
  }
}
