/** The little that sandboxes need of a cluster: its pods in one namespace, and a program in one of them. */
import { AgentFlowError, type Json, type JsonObject } from "@agentflow/protocol";
import type { KubeConfig } from "@kubernetes/client-node";
import https from "node:https";
import http from "node:http";
import { Duplex, PassThrough } from "node:stream";
import { parseJson } from "../../channel/parse-json.ts";
import { jsonAt, jsonList, jsonText } from "../applied.ts";
import { unavailable } from "../unavailable.ts";
import { containerName } from "./shape.ts";

export interface ClusterPlace {
  readonly namespace: string;
  /** How the cluster is reached; the one that this process runs in when left out. */
  readonly kubeconfig?: string | undefined;
}

export interface Program {
  /** Its stdin and stdout. */
  readonly stream: Duplex;
  /** -1: the connection went, and nobody knows. */
  readonly ended: Promise<number>;
}

export interface Executing {
  readonly pod: string;
  readonly command: readonly string[];
  readonly onErrors: (chunk: Buffer) => void;
}

export interface ClusterApi {
  /** Address of the API server, as it is known here. */
  readonly server: URL;
  version(): Promise<string>;
  create(pod: JsonObject): Promise<void>;
  /** Undefined when it is gone. */
  get(pod: string): Promise<Json | undefined>;
  remove(pod: string): Promise<void>;
  list(label: string): Promise<readonly Json[]>;
  /** What happened to it last, as `kubectl describe` tells it; nothing where that may not be asked. */
  events(pod: string): Promise<readonly string[]>;
  exec(what: Executing): Promise<Program>;
  close(): void;
}

const answerMs = 60_000;
const answerBytesMax = 8 * 1024 * 1024;

export async function openCluster({ namespace, kubeconfig }: ClusterPlace): Promise<ClusterApi> {
  const { KubeConfig: Config, Exec } = await import("@kubernetes/client-node");
  const config = new Config();
  try {
    if (kubeconfig === undefined) config.loadFromCluster();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    const where = kubeconfig ?? "the token of this pod";
    throw unavailable(`the cluster cannot be reached by ${where}: ${textOf(error)}`, [nextStep], error);
  }
  const server = URL.parse(config.getCurrentCluster()?.server ?? "");
  if (server === null) throw unavailable("no cluster is named", [nextStep]);
  const ask = asking({ config, server });
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const ignored = new PassThrough().resume();
  const { handler } = new Exec(config);
  // It would end this process's own streams where a server says that one of the program's has closed.
  Reflect.set(handler, "streams", { stdin: ignored, stdout: ignored, stderr: ignored });
  return {
    server,
    version: async () => jsonText(await ask("GET", "/version"), "gitVersion"),
    create: async (pod) => void (await ask("POST", pods, pod)),
    get: async (pod) => ask("GET", `${pods}/${pod}`).catch(ifMissing),
    remove: async (pod) => {
      await ask("DELETE", `${pods}/${pod}`, { propagationPolicy: "Background" }).catch(ifMissing);
    },
    list: async (label) => {
      const answer = await ask("GET", `${pods}?labelSelector=${encodeURIComponent(label)}`);
      return jsonList(jsonAt(answer, "items"));
    },
    events: async (pod) => {
      const of = encodeURIComponent(`involvedObject.kind=Pod,involvedObject.name=${pod}`);
      const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=${of}`;
      const answer = await ask("GET", path).catch(() => null);
      const warnings = jsonList(jsonAt(answer, "items")).filter((one) => jsonText(one, "type") === "Warning");
      return warnings.map((one) => `${jsonText(one, "reason")}: ${jsonText(one, "message")}`);
    },
    exec: async (what) => {
      const asked = new URLSearchParams({ container: containerName });
      for (const stream of ["stdin", "stdout", "stderr"]) asked.set(stream, "true");
      for (const word of what.command) asked.append("command", word);
      return execute(handler, {
        path: `${pods}/${what.pod}/exec?${asked.toString()}`,
        onErrors: what.onErrors,
      });
    },
    close: () => ignored.destroy(),
  };
}

type Ask = (method: "GET" | "POST" | "DELETE", path: string, body?: JsonObject) => Promise<Json>;

function asking({ config, server }: { readonly config: KubeConfig; readonly server: URL }): Ask {
  return async (method, path, body) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers: http.OutgoingHttpHeaders = { accept: "application/json" };
    if (text !== undefined) {
      headers["content-type"] = "application/json";
      // Without its length what comes with a DELETE would be taken for another request.
      headers["content-length"] = Buffer.byteLength(text);
    }
    const options: https.RequestOptions = { method, timeout: answerMs, headers };
    // A token of a pod is made anew each hour: so it is looked up for each question, and added to these.
    await config.applyToHTTPSOptions(options);
    const url = new URL(server.pathname.replace(/\/$/, "") + path, server);
    const { request } = url.protocol === "http:" ? http : https;
    return new Promise((resolve, reject) => {
      const sent = request(url, options);
      sent.on("timeout", () => sent.destroy(new Error(`no answer within ${answerMs / 1_000} s`)));
      sent.on("error", (error) => reject(notThere(server, error)));
      sent.on("response", (response) => {
        readAll(response).then((answer) => settle(response, answer, { resolve, reject }), reject);
      });
      sent.end(text);
    });
  };
}

interface Settling {
  readonly resolve: (value: Json) => void;
  readonly reject: (error: unknown) => void;
}

function settle(response: http.IncomingMessage, answer: string, { resolve, reject }: Settling): void {
  const { statusCode = 0 } = response;
  let said: Json = null;
  try {
    said = parseJson(answer);
  } catch {
    // Something before the API server answers in a language of its own.
  }
  if (statusCode >= 200 && statusCode < 300 && said !== null) return resolve(said);
  const message = jsonText(said, "message") || answer.slice(0, 300) || `status ${statusCode}`;
  const code =
    statusCode === 404
      ? "not_found"
      : statusCode === 409
        ? "conflict"
        : statusCode === 401 || statusCode === 403
          ? "forbidden"
          : "internal";
  reject(new AgentFlowError(code, `the cluster: ${message}`, { details: { statusCode } }));
}

async function readAll(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw unavailable("the cluster's answer is too long", []);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function ifMissing(error: unknown): undefined {
  if (AgentFlowError.is(error) && error.code === "not_found") return undefined;
  throw error;
}

interface WebSocketLike {
  send(data: Buffer, done: () => void): void;
  pause(): void;
  resume(): void;
  terminate(): void;
  addEventListener(type: "close", listener: () => void): void;
}

interface Handler {
  connect(
    path: string,
    onText: null,
    onData: (stream: number, chunk: Buffer) => boolean,
  ): Promise<WebSocketLike>;
}

const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3 } as const;

interface Connecting {
  readonly path: string;
  readonly onErrors: (chunk: Buffer) => void;
}

/** What comes is taken only as fast as it is read: nothing gathers here. */
async function execute(handler: Handler, { path, onErrors }: Connecting): Promise<Program> {
  const { promise: ended, resolve: end } = Promise.withResolvers<number>();
  let socket: WebSocketLike | undefined;
  let isOver = false;
  const stream = new Duplex({
    read: () => socket?.resume(),
    write(chunk: Buffer, _encoding, done) {
      // One that has closed says so by its end: what is written to it then is nobody's fault.
      if (socket === undefined || isOver) return done();
      const frame = Buffer.concat([Buffer.from([channels.stdin]), chunk]);
      socket.send(frame, () => done());
    },
    destroy(error, done) {
      socket?.terminate();
      done(error);
    },
  });
  const receive = (channel: number, chunk: Buffer): boolean => {
    if (channel === channels.stdout && !stream.push(chunk)) socket?.pause();
    else if (channel === channels.stderr) onErrors(chunk);
    else if (channel === channels.status) {
      end(codeOf(chunk));
      return false;
    }
    return true;
  };
  try {
    socket = await handler.connect(path, null, receive);
  } catch (error) {
    throw unavailable(`the cluster starts no program in the pod: ${textOf(error)}`, [nextStep], error);
  }
  socket.addEventListener("close", () => {
    isOver = true;
    end(-1);
    stream.push(null);
    stream.destroy();
  });
  return { stream, ended };
}

/** `Success`, or a Failure that has the code among its causes. */
function codeOf(chunk: Buffer): number {
  try {
    const status = parseJson(chunk.toString("utf8"));
    if (jsonText(status, "status") === "Success") return 0;
    const causes = jsonList(jsonAt(status, "details", "causes"));
    const told = causes.find((one) => jsonText(one, "reason") === "ExitCode") ?? null;
    const code = Number(jsonText(told, "message") || -1);
    return Number.isInteger(code) ? code : -1;
  } catch {
    return -1;
  }
}

const nextStep = "af status shows whether the part sandbox runs";

function notThere({ origin }: URL, error: Error): AgentFlowError {
  if (AgentFlowError.is(error)) return error;
  return unavailable(`no cluster answers at ${origin}: ${error.message}`, [nextStep], error);
}

function textOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  const told = typeof error === "object" && error !== null && "message" in error ? error.message : error;
  return String(told);
}
