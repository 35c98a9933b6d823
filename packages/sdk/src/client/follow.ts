/** Follows runs over one server-sent stream; a broken connection resumes behind the last event. */
import { AgentFlowError, type RunEventView, errorTable } from "@agentflow/protocol";
import type { Transport } from "./transport.ts";

interface Following {
  readonly transport: Transport;
  readonly runs: readonly string[];
  readonly after?: string;
  readonly signal?: AbortSignal;
}

const backoffMaxMs = 2_000;

/** Every event once, in order of each run. Ends when all runs have ended or the signal aborts. */
export async function* followRuns(of: Following): AsyncIterable<RunEventView> {
  const { transport, runs, signal } = of;
  let cursor = of.after;
  let backoffMs = 50;
  while (!isAborted(signal)) {
    const query = `runs=${runs.map(encodeURIComponent).join(",")}${cursor ? `&after=${encodeURIComponent(cursor)}` : ""}`;
    try {
      const chunks = transport.stream({
        method: "GET",
        path: `/v1/events?${query}`,
        ...(signal ? { signal } : {}),
      });
      for await (const message of messages(chunks)) {
        backoffMs = 50;
        if (message.event === "end") return;
        if (message.id !== undefined) cursor = message.id;
        if (message.event === "event") yield JSON.parse(message.data);
      }
    } catch (error) {
      if (isAborted(signal)) return;
      if (!AgentFlowError.is(error) || errorTable[error.code].retry !== "backoff") throw error;
      if (error.reason === "http_404" || error.reason === "http_401") throw error;
    }
    await transport.sleep(backoffMs, signal);
    backoffMs = Math.min(backoffMs * 2, backoffMaxMs);
  }
}

/** Asked anew each time: a signal changes between two awaits. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

interface SseMessage {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** Messages of a server-sent stream (WHATWG HTML, section 9.2.6), as far as our server writes them. */
export async function* messages(chunks: AsyncIterable<string>): AsyncIterable<SseMessage> {
  let rest = "";
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const fields = new Map<string, string>();
      for (const line of part.split("\n")) {
        const colon = line.indexOf(":");
        if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ""));
      }
      const data = fields.get("data");
      if (data !== undefined) yield { event: fields.get("event") ?? "message", data, id: fields.get("id") };
    }
  }
}
