import { AgentFlowError } from "@agentflow/protocol";
import { type Client, connectionLost } from "./client.ts";
import type { Message } from "./frame.ts";
import { operation } from "./operations.ts";

export interface StreamOptions {
  readonly client: Client;
  readonly open: { readonly code: number; readonly facts: unknown };
  readonly signal: AbortSignal;
}

/**
 * The batches of a tail or watch, each asked for, one ahead. Ends with the signal or when the client is
 * closed; throws `unavailable` when the connection is lost.
 */
export async function* clientStream({ client, open, signal }: StreamOptions): AsyncGenerator<Message, void> {
  if (signal.aborted) return;
  const stream = client.newId();
  const aborted = Promise.withResolvers<undefined>();
  const abort = (): void => aborted.resolve(undefined);
  signal.addEventListener("abort", abort, { once: true });
  const ask = (): Promise<Message | undefined> => {
    const next = client.call({ code: operation.next, facts: [stream] }, { answerMs: Infinity });
    const either = Promise.race([next, aborted.promise]);
    // One that is asked for ahead may fail while nobody waits for it yet.
    either.catch(() => {});
    return either;
  };
  try {
    await client.call({ ...open, id: stream });
    for (let ahead = ask(); ; ) {
      const batch = await ahead;
      if (batch === undefined || signal.aborted) return;
      if (batch.facts === null) throw endedByOwner();
      ahead = ask();
      yield batch;
    }
  } catch (error) {
    if (!signal.aborted && !isClosed(error)) throw error;
  } finally {
    signal.removeEventListener("abort", abort);
    client.tell({ code: operation.end, facts: [stream] });
  }
}

/** The user closed the client, which is no error of its streams. */
function isClosed(error: unknown): boolean {
  return AgentFlowError.is(error) && error.reason === "closed";
}

function endedByOwner(): AgentFlowError {
  return new AgentFlowError("unavailable", "the owner of the state closed it", { reason: connectionLost });
}
