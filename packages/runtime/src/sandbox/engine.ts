/**
 * The little that sandboxes need of a Docker engine: requests with JSON, and the stream of a container. A
 * client of its own because it is loaded by every worker with an untrusted tool, and holds nothing else.
 */
import { AgentFlowError, type Json } from "@agentflow/protocol";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { Socket } from "node:net";
import path from "node:path";
import type { Duplex } from "node:stream";
import { parseJson } from "../channel/parse-json.ts";
import { unavailable } from "./unavailable.ts";

export interface EngineAddress {
  /** `unix:///var/run/docker.sock` or `tcp://host:port`. */
  readonly host: string;
  /** Folder with ca.pem, cert.pem and key.pem: the engine speaks TLS. */
  readonly certificates?: string | undefined;
  /** Longest that it may take for one answer, 60 s when left out; `wait` has no end. */
  readonly answerMs?: number;
}

export interface Engine {
  readonly host: string;
  /** Throws `not_found`, `conflict` or `internal` by the status, `unavailable` when no engine is there. */
  ask(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<Json>;
  /** The container's own stream, in both directions. */
  attach(container: string): Promise<Duplex>;
  close(): void;
}

const answerBytesMax = 8 * 1024 * 1024;
const answerMsByDefault = 60_000;

export function openEngine(address: EngineAddress): Engine {
  const where = whereOf(address);
  const { answerMs = answerMsByDefault } = address;
  const agent = where.tls ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
  const request = (method: string, at: string, more: http.RequestOptions): http.ClientRequest => {
    const options = { ...where.options, ...more, method, path: at };
    return where.tls ? https.request(options) : http.request(options);
  };
  const late = (sent: http.ClientRequest) => (): void => {
    sent.destroy(new Error(`no answer within ${answerMs / 1_000} s`));
  };
  return {
    host: address.host,
    ask: (method, at, body) =>
      new Promise((resolve, reject) => {
        const text = body === undefined ? undefined : JSON.stringify(body);
        const headers =
          text === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
        const patient = at.includes("/wait");
        const sent = request(method, at, { agent, headers, ...(patient ? {} : { timeout: answerMs }) });
        sent.on("timeout", late(sent));
        sent.on("error", (error) => reject(notThere(address.host, error)));
        sent.on("response", (response) => {
          readAll(response).then((answer) => settle({ response, answer, at }, resolve, reject), reject);
        });
        sent.end(text);
      }),
    attach: (container) =>
      new Promise((resolve, reject) => {
        const at = `/containers/${container}/attach?stream=1&stdin=1&stdout=1&stderr=1`;
        const headers = { connection: "Upgrade", upgrade: "tcp" };
        const sent = request("POST", at, { headers, timeout: answerMs });
        sent.on("timeout", late(sent));
        sent.on("error", (error) => reject(notThere(address.host, error)));
        sent.on("upgrade", (_response, socket, head) => {
          if (socket instanceof Socket) socket.setTimeout(0);
          if (head.length > 0) socket.unshift(head);
          resolve(socket);
        });
        sent.on("response", (response) => {
          response.resume();
          reject(unavailable(`the engine at ${address.host} gave no stream of a container`, [nextStep]));
        });
        sent.end();
      }),
    close: () => agent.destroy(),
  };
}

const nextStep = "run `af doctor`";

interface Where {
  readonly tls: boolean;
  readonly options: https.RequestOptions;
}

function whereOf({ host, certificates }: EngineAddress): Where {
  if (host.startsWith("unix://")) {
    return { tls: false, options: { socketPath: host.slice("unix://".length), host: "docker" } };
  }
  const url = URL.parse(host);
  if (url === null || !["tcp:", "http:", "https:"].includes(url.protocol)) {
    throw unavailable(`a worker reaches no engine at ${host}: only unix:// and tcp:// addresses`, [
      "set sandbox.host to unix:///var/run/docker.sock",
    ]);
  }
  const tls = certificates !== undefined || url.protocol === "https:";
  const read = (name: string): Buffer => readFileSync(path.join(certificates ?? "", name));
  const keys =
    certificates === undefined ? {} : { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
  return { tls, options: { host: url.hostname, port: Number(url.port || (tls ? 2376 : 2375)), ...keys } };
}

async function readAll(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw unavailable("the engine's answer is too long", []);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function settle(
  of: { readonly response: http.IncomingMessage; readonly answer: string; readonly at: string },
  resolve: (value: Json) => void,
  reject: (error: unknown) => void,
): void {
  const { response, answer, at } = of;
  const { statusCode = 0 } = response;
  if (statusCode < 400) return resolve(jsonOf(answer));
  const said = jsonOf(answer);
  const isTold = typeof said === "object" && said !== null && "message" in said;
  const told = isTold ? said["message"] : undefined;
  const message = typeof told === "string" ? told : answer.slice(0, 500);
  const code = statusCode === 404 ? "not_found" : statusCode === 409 ? "conflict" : "internal";
  const asked = at.split("?")[0] ?? "";
  reject(new AgentFlowError(code, `the Docker engine: ${message}`, { details: { statusCode, asked } }));
}

/** Some answers are empty, some are several lines. */
function jsonOf(text: string): Json {
  try {
    return text === "" ? null : parseJson(text);
  } catch {
    return text;
  }
}

function notThere(host: string, error: Error): AgentFlowError {
  if (AgentFlowError.is(error)) return error;
  const code = "code" in error ? String(error.code) : "";
  if (code === "EACCES" || code === "EPERM") {
    return unavailable(`no permission to use the Docker engine at ${host}`, [
      "sudo usermod -aG docker $USER, then log in again",
      nextStep,
    ]);
  }
  return unavailable(`no Docker engine answers at ${host}: ${error.message}`, [
    "start Docker, or set sandbox.host to where it listens",
    nextStep,
  ]);
}
