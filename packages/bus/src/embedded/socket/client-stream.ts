import { AgentFlowError } from "@agentflow/protocol";
import { type Client, connectionLost } from "./client.ts";
import type { Message } from "./frame.ts";
import { operation } from "./operations.ts";

export interface StreamOptions {
  readonly client: Client;
  /** How to open it: asked for anew after each lost connection. */
  readonly open: () => { code: number; facts: unknown };
  /** Called before the first batch of each connection. */
  readonly opened?: () => void;
  readonly signal: AbortSignal;
}

/** Answers to `next`, one batch asked for ahead, over as many connections as it takes. Ends with the signal. */
export async function* clientStream(options: StreamOptions): AsyncGenerator<Message, void> {
  const { client, signal } = options;
  while (!signal.aborted && client.end === undefined) {
    try {
      yield* oneConnection(options);
    } catch (error) {
      if (signal.aborted) return;
      if (!AgentFlowError.is(error)) throw error;
      // An end that the user asked for is no error of the stream.
      if (error.reason === "closed") return;
      if (error.reason !== connectionLost) throw error;
    }
  }
}

async function* oneConnection({ client, open, opened, signal }: StreamOptions): AsyncGenerator<Message, void> {
  const { code, facts } = open();
  const stream = client.newId();
  const aborted = Promise.withResolvers<undefined>();
  const abort = (): void => aborted.resolve(undefined);
  signal.addEventListener("abort", abort, { once: true });
  const ask = (): Promise<Message | undefined> => {
    const next = client.call({ code: operation.next, facts: [stream] }, { answerMs: Infinity, patient: true });
    const either = Promise.race([next, aborted.promise]);
    either.catch(() => {});
    return either;
  };
  try {
    // Not again by itself: another connection would need another opening.
    await client.call({ code, facts, id: stream }, { patient: true });
    opened?.();
    let ahead = ask();
    for (;;) {
      const batch = await ahead;
      if (batch === undefined || signal.aborted) return;
      if (batch.facts === null) throw gone();
      ahead = ask();
      yield batch;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    client.tell({ code: operation.end, facts: [stream] });
  }
}

/** The owner ended the stream, because it closes: the next connection opens it anew. */
function gone(): AgentFlowError {
  return new AgentFlowError("unavailable", "the owner of the state ended the stream", { reason: connectionLost });
}
