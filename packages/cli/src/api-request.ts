/** One question to an operation that the typed client does not have. Node's own http, nothing else. */
import { AgentFlowError, versionHeader } from "@agentflow/protocol";
import http from "node:http";
import https from "node:https";
import type { Installation } from "./config/installation.ts";
import { type Answer, parseAnswer } from "./parse-answer.ts";

export interface ApiQuestion {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
}

const answerWithinMs = 10_000;

/** The answer's data. Throws what the installation answered, or `unavailable`. */
export async function askApi(installation: Installation, question: ApiQuestion): Promise<Answer> {
  const { url, token } = installation;
  const target = new URL(question.path, url);
  const body = question.body === undefined ? undefined : JSON.stringify(question.body);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let version: string | undefined;
  const request = (target.protocol === "https:" ? https : http).request(target, {
    method: question.method,
    timeout: answerWithinMs,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    },
  });
  request.on("response", (response) => {
    let text = "";
    const told = response.headers[versionHeader];
    if (typeof told === "string") version = told;
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => (text += chunk));
    response.on("end", () => resolve(text));
    response.on("error", reject);
  });
  request.on("timeout", () => request.destroy(new Error("no answer in time")));
  request.on("error", reject);
  request.end(body);
  const text = await promise.catch((cause: unknown) => {
    throw new AgentFlowError("unavailable", `no answer from ${target.origin}`, {
      reason: "unreachable",
      cause,
      suggestions: ["start it: af dev, or af server", "another address: --url, or AF_URL", "af doctor"],
    });
  });
  return parseAnswer(text, target.origin, version);
}
