/** The little that sandboxes need of a cluster: its pods in one namespace, and a program in one of them. */
import { AgentFlowError, type ErrorCode, type Json, type JsonObject } from "@agentflow/protocol";
import type { KubeConfig } from "@kubernetes/client-node";
import type https from "node:https";
import { Duplex, PassThrough } from "node:stream";
import { urlToHttpOptions } from "node:url";
import { parseJson } from "../../channel/parse-json.ts";
import { jsonAt, jsonList, jsonText } from "../applied.ts";
import { askJson, type JsonAnswer } from "../ask-json.ts";
import { unavailable } from "../unavailable.ts";
import { containerName } from "./shape.ts";

export interface ClusterPlace {
  readonly namespace: string;
  /** How the cluster is reached: a file, or one that was read; when left out the one around this process. */
  readonly kubeconfig?: string | KubeConfig | undefined;
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

export async function openCluster({ namespace, kubeconfig }: ClusterPlace): Promise<ClusterApi> {
  const { KubeConfig: Config, Exec } = await import("@kubernetes/client-node");
  const isFile = kubeconfig === undefined || typeof kubeconfig === "string";
  const config = isFile ? new Config() : kubeconfig;
  try {
    if (kubeconfig === undefined) config.loadFromCluster();
    else if (isFile) config.loadFromFile(kubeconfig);
  } catch (error) {
    const where = typeof kubeconfig === "string" ? kubeconfig : "the token of this pod";
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
  const isSecure = server.protocol !== "http:";
  return async (method, path, body) => {
    const url = new URL(server.pathname.replace(/\/$/, "") + path, server);
    const options: https.RequestOptions = { ...urlToHttpOptions(url), method };
    // A token of a pod is made anew each hour: so it is looked up for each question, and added to these.
    await config.applyToHTTPSOptions(options);
    const answer = await askJson({ isSecure, options, body, answerMs }).catch((error: unknown) => {
      throw notThere(server, error);
    });
    return said(answer);
  };
}

const codes = new Map<number, ErrorCode>([
  [401, "forbidden"],
  [403, "forbidden"],
  [404, "not_found"],
  [409, "conflict"],
]);

function said({ status, said: told = null, text }: JsonAnswer): Json {
  if (status >= 200 && status < 300 && told !== null) return told;
  const message = jsonText(told, "message") || text.slice(0, 300) || `status ${status}`;
  const code = codes.get(status) ?? "internal";
  throw new AgentFlowError(code, `the cluster: ${message}`, { details: { statusCode: status } });
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
    read: () => {
      if (!stream.isPaused()) socket?.resume();
    },
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
  // What it prints beside its answers is taken no faster either.
  stream.on("pause", () => socket?.pause());
  stream.on("resume", () => socket?.resume());
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

function notThere({ origin }: URL, error: unknown): AgentFlowError {
  if (AgentFlowError.is(error)) return error;
  return unavailable(`no cluster answers at ${origin}: ${textOf(error)}`, [nextStep], error);
}

function textOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  const told = typeof error === "object" && error !== null && "message" in error ? error.message : error;
  return String(told);
}
