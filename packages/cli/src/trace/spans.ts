import type { SpanRecord } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";

const spansMax = 1_000;

/** What tools and agents measured of themselves in a run; the first thousand. */
export async function readSpans(client: Client, run: string): Promise<SpanRecord[]> {
  const page = await client.telemetry.query({ run, kind: "span", limit: spansMax });
  return page.records.filter((record) => record.kind === "span");
}
