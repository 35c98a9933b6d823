/** One question and its answer, both JSON: what is asked of an engine and of a cluster alike. */
import type { Json } from "@agentflow/protocol";
import http from "node:http";
import https from "node:https";
import { parseJson } from "../channel/parse-json.ts";
import { unavailable } from "./unavailable.ts";

export interface JsonQuestion {
  readonly isSecure: boolean;
  /** Method, path and where it goes. */
  readonly options: https.RequestOptions;
  readonly body?: object | undefined;
  /** Longest that nothing may come; no end when left out. */
  readonly answerMs?: number | undefined;
}

export interface JsonAnswer {
  readonly status: number;
  /** What it says, or undefined where that is no JSON. */
  readonly said: Json | undefined;
  readonly text: string;
}

const answerBytesMax = 8 * 1024 * 1024;

/** Throws what the network says, or `unavailable` for an answer without an end. */
export function askJson({ isSecure, options, body, answerMs }: JsonQuestion): Promise<JsonAnswer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = requestBy(isSecure, {
      ...options,
      ...(answerMs === undefined ? {} : { timeout: answerMs }),
    });
    sent.setHeader("accept", "application/json");
    if (text !== undefined) {
      sent.setHeader("content-type", "application/json");
      // Without its length what comes with a DELETE would be taken for another request.
      sent.setHeader("content-length", Buffer.byteLength(text));
    }
    sent.on("timeout", () => sent.destroy(late(answerMs)));
    sent.on("error", reject);
    sent.on("response", (response) => {
      readAll(response).then((answer) => resolve(answerOf(response, answer)), reject);
    });
    sent.end(text);
  });
}

export function requestBy(isSecure: boolean, options: https.RequestOptions): http.ClientRequest {
  return isSecure ? https.request(options) : http.request(options);
}

export function late(answerMs = 0): Error {
  return new Error(`no answer within ${answerMs / 1_000} s`);
}

function answerOf({ statusCode = 0 }: http.IncomingMessage, text: string): JsonAnswer {
  try {
    return { status: statusCode, said: text === "" ? null : parseJson(text), text };
  } catch {
    // Several lines of it, or somebody in between who speaks a language of his own.
    return { status: statusCode, said: undefined, text };
  }
}

async function readAll(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw unavailable("the answer is too long", []);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
