/** How requests travel: each within a time limit, repeated within bounds when it is worth it. */
import { AgentFlowError } from "@agentflow/protocol";
import type * as ClientNode from "@kubernetes/client-node";
import type { PromiseHttpLibrary, RequestContext, ResponseContext } from "@kubernetes/client-node";
import { patience, type Pace } from "../pace.ts";
import { isConnectionLost } from "./errors.ts";
import { parseStatus } from "./parse-status.ts";

type Client = typeof ClientNode;

export const transportLimits = {
  requestMs: 30_000,
  /** A cluster that has not answered yet: a wrong address is said soon. */
  firstRetryMs: 2_000,
  /** One that has: an API server that is replaced, a network that changes. */
  retryMs: 30_000,
  /** Unpacked: the largest list of ours is a hundredth of it. */
  bodyBytesMax: 64 * 1_024 * 1_024,
  waitMs: 250,
  waitMsMax: 4_000,
} as const;

export interface Travelling {
  readonly client: Client;
  readonly pace: Pace;
  /** Ends everything under way. */
  readonly signal?: AbortSignal;
  readonly send?: PromiseHttpLibrary;
  readonly limits?: Partial<Record<keyof typeof transportLimits, number>>;
}

/**
 * Every request that we send may be repeated: reads, applies, deletions, and creations of names that we
 * choose, whose second answer is 409. Streams do not come this way.
 */
export function openTransport(travelling: Travelling): PromiseHttpLibrary {
  const { client, pace, signal } = travelling;
  const limits = { ...transportLimits, ...travelling.limits };
  const library = travelling.send ?? fetching(client);
  let answered = false;
  return {
    send: async (request: RequestContext): Promise<ResponseContext> => {
      const untilMs = pace.nowMs() + (answered ? limits.retryMs : limits.firstRetryMs);
      for (let waitMs: number = limits.waitMs; ; waitMs = Math.min(waitMs * 2, limits.waitMsMax)) {
        signal?.throwIfAborted();
        const until = patience(limits.requestMs);
        request.setSignal(signal === undefined ? until : AbortSignal.any([until, signal]));
        let afterMs = waitMs;
        try {
          const response = await whole(client, await library.send(request), limits.bodyBytesMax);
          answered = true;
          const again = repeatAfterMs(response, await response.body.text());
          if (again === undefined) return response;
          afterMs = Math.max(waitMs, Math.min(again, limits.waitMsMax));
          if (pace.nowMs() + afterMs > untilMs) return response;
        } catch (error) {
          if (signal?.aborted === true || !isConnectionLost(error)) throw error;
          if (pace.nowMs() + afterMs > untilMs) throw error;
        }
        await pace.wait(afterMs, signal);
      }
    },
  };
}

/** Once, and as it comes: for streams. */
export function fetching({ IsomorphicFetchHttpLibrary }: Client): PromiseHttpLibrary {
  const library = new IsomorphicFetchHttpLibrary();
  return { send: async (request) => library.send(request).toPromise() };
}

/** Read to its end: a connection that breaks within a body is one that broke. */
async function whole(
  { ResponseContext }: Client,
  response: ResponseContext,
  bytesMax: number,
): Promise<ResponseContext> {
  const text = await textOf(response, bytesMax);
  const body = {
    text: async () => Promise.resolve(text),
    binary: async () => Promise.resolve(Buffer.from(text)),
    stream: () => new Blob([text]).stream(),
  };
  return new ResponseContext(response.httpStatusCode, response.headers, body);
}

/** What is packed comes unpacked: a small answer may become a large one. */
async function textOf({ body }: ResponseContext, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body.stream() ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw tooLong(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function tooLong(bytesMax: number): AgentFlowError {
  return new AgentFlowError("unavailable", `the cluster's answer is longer than ${bytesMax} bytes`, {
    reason: "cluster_answer_too_long",
    suggestions: ["is it the API server that answers there? kubectl get --raw /version"],
  });
}

/** In how long to ask again; undefined for an answer that stays what it is. */
function repeatAfterMs({ httpStatusCode, headers }: ResponseContext, text: string): number | undefined {
  if (httpStatusCode !== 429 && httpStatusCode < 500) return undefined;
  const { reason, retryAfterSeconds } = parseStatus(text);
  // Of an apply with an unknown field, for ever the same: 500 without a reason.
  if (httpStatusCode === 500 && reason === "") return undefined;
  const told = Number(headers["retry-after"] ?? retryAfterSeconds ?? 0);
  return Number.isFinite(told) ? told * 1_000 : 0;
}
