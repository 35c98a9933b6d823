import type { SpanRecord } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";

const pageSize = 1_000;
const spansMax = 5_000;

/** What tools and agents measured of themselves in a run; the first five thousand. */
export async function readSpans(client: Client, run: string): Promise<SpanRecord[]> {
  const spans: SpanRecord[] = [];
  let after: string | undefined;
  while (spans.length < spansMax) {
    const from = after === undefined ? {} : { after };
    const { records, cursor } = await client.telemetry.query({ run, kind: "span", limit: pageSize, ...from });
    spans.push(...records.filter((record) => record.kind === "span"));
    if (records.length < pageSize || cursor === after) break;
    after = cursor;
  }
  return spans.slice(0, spansMax);
}
