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
import { jsonText } from "./applied.ts";
import { askJson, type JsonAnswer, late, requestBy } from "./ask-json.ts";
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

const answerMsByDefault = 60_000;

export function openEngine(address: EngineAddress): Engine {
  const { tls: isSecure, options: where } = whereOf(address);
  const { answerMs = answerMsByDefault } = address;
  const agent = isSecure ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
  return {
    host: address.host,
    async ask(method, at, body) {
      const options = { ...where, agent, method, path: at };
      const isPatient = at.includes("/wait");
      const question = { isSecure, options, body, answerMs: isPatient ? undefined : answerMs };
      const answer = await askJson(question).catch((error: unknown) => {
        throw notThere(address.host, error);
      });
      return said(answer, at);
    },
    attach: (container) =>
      new Promise((resolve, reject) => {
        const at = `/containers/${container}/attach?stream=1&stdin=1&stdout=1&stderr=1`;
        const headers = { connection: "Upgrade", upgrade: "tcp" };
        const sent = requestBy(isSecure, { ...where, method: "POST", path: at, headers, timeout: answerMs });
        sent.on("timeout", () => sent.destroy(late(answerMs)));
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

/** Some answers are empty, some are several lines. */
function said({ status, said: told, text }: JsonAnswer, at: string): Json {
  if (status < 400) return told === undefined ? text : told;
  const message = jsonText(told ?? null, "message") || text.slice(0, 500);
  const code = status === 404 ? "not_found" : status === 409 ? "conflict" : "internal";
  const asked = at.split("?")[0] ?? "";
  const details = { statusCode: status, asked };
  throw new AgentFlowError(code, `the Docker engine: ${message}`, { details });
}

function notThere(host: string, error: unknown): AgentFlowError {
  if (AgentFlowError.is(error)) return error;
  const told = error instanceof Error ? error : new Error(String(error));
  const code = "code" in told ? String(told.code) : "";
  if (code === "EACCES" || code === "EPERM") {
    return unavailable(`no permission to use the Docker engine at ${host}`, [
      "sudo usermod -aG docker $USER, then log in again",
      nextStep,
    ]);
  }
  return unavailable(`no Docker engine answers at ${host}: ${told.message}`, [
    "start Docker, or set sandbox.host to where it listens",
    nextStep,
  ]);
}
