/** One request to a collector, by Node's own http: nothing else is loaded for it. */
import http from "node:http";
import https from "node:https";
import type { Sent } from "./exporter.ts";
import { parsePartialSuccess } from "./parse-partial-success.ts";

export interface Target {
  /** The whole address, `/v1/traces` with it. */
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
}

const answerWithinMs = 10_000;
const answerBytesMax = 64 * 1024;
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** A function that posts bodies over one connection, and never throws. `close` ends it. */
export function openPost({ url, headers }: Target): { post(body: string): Promise<Sent>; close(): void } {
  const target = new URL(url);
  const library = target.protocol === "https:" ? https : http;
  const agent = new library.Agent({ keepAlive: true, maxSockets: 1 });
  return {
    close: () => agent.destroy(),
    post(body) {
      const { promise, resolve } = Promise.withResolvers<Sent>();
      const request = library.request(target, {
        method: "POST",
        agent,
        timeout: answerWithinMs,
        headers: {
          ...headers,
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
        },
      });
      request.on("response", (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text = (text + chunk).slice(0, answerBytesMax)));
        response.on("end", () => resolve(sentOf(response, text)));
        response.on("error", () => resolve({ kind: "retry", reason: "the answer broke off" }));
      });
      request.on("timeout", () => request.destroy(new Error("no answer in time")));
      request.on("error", (error: NodeJS.ErrnoException) =>
        resolve({ kind: "retry", reason: error.code ?? error.message }),
      );
      request.end(body);
      return promise;
    },
  };
}

function sentOf({ statusCode = 0, headers }: http.IncomingMessage, text: string): Sent {
  if (statusCode >= 200 && statusCode < 300) return { kind: "taken", ...parsePartialSuccess(text) };
  const reason = `status ${statusCode}`;
  if (!retryable.has(statusCode)) return { kind: "refused", reason };
  const seconds = Number(headers["retry-after"]);
  return { kind: "retry", reason, ...(seconds > 0 ? { afterMs: seconds * 1_000 } : {}) };
}
