/** A connection to a port inside a pod, as a stream: it travels over the API server, in a WebSocket. */
import { AgentFlowError } from "@agentflow/protocol";
import type { PortForward } from "@kubernetes/client-node";
import { Duplex, Readable, Writable } from "node:stream";
import type { Cluster } from "../cluster.ts";
import { fromCluster } from "../client/index.ts";
import { type Pace, realPace } from "../pace.ts";

export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  readonly pace?: Pace;
}

const openWithinMs = 10_000;
/** So often a silent connection is asked for a sign of life, which also keeps it open in proxies. */
const signMs = 20_000;
/** What the API server takes at once on this way; larger pieces are cut. */
const pieceBytesMax = 32 * 1024;

/**
 * Refuses with `forbidden` without the right to it, `unavailable` when the pod is gone. That nothing listens
 * on the port shows when the stream ends with an error.
 */
export async function openPodPort(cluster: Cluster, of: PodPort): Promise<Duplex> {
  const { PortForward: Forward } = await import("@kubernetes/client-node");
  const stream = new PortStream(of.pace ?? realPace);
  const doing = `opening port ${of.port} of pod ${of.pod}`;
  try {
    const opened = new Forward(cluster.config).portForward(
      of.namespace,
      of.pod,
      [of.port],
      stream.output,
      stream.errors,
      stream.nothing,
    );
    opened.then(
      // Too late: nobody waits for it any more.
      (late) => stream.destroyed && typeof late !== "function" && late.terminate(),
      () => undefined,
    );
    const socket = await within(opened, of.pace ?? realPace, doing);
    if (typeof socket === "function") throw new Error("the client repeats connections by itself");
    return stream.over(socket);
  } catch (error) {
    stream.destroy();
    throw await refusal(error, { cluster, doing, of });
  }
}

/** What the client hands out, without one that repeats connections by itself. */
type Socket = Exclude<Awaited<ReturnType<PortForward["portForward"]>>, () => unknown>;

class PortStream extends Duplex {
  /** What the client hands over: bytes of the pod, and why it gave none. */
  readonly output: Writable;
  readonly errors: Writable;
  /** What is sent goes straight into the socket, which says when it has left. */
  readonly nothing = new Readable({ read: () => undefined });
  readonly #pace: Pace;
  #socket: Socket | undefined;
  #why = "";

  constructor(pace: Pace) {
    super({ allowHalfOpen: false });
    this.#pace = pace;
    this.output = new Writable({
      write: (chunk: Buffer, _, done) => {
        if (chunk.length > 0 && !this.push(chunk)) this.#socket?.pause();
        done();
      },
    });
    this.errors = new Writable({
      write: (chunk: Buffer, _, done) => {
        this.#why = (this.#why + chunk.toString("utf8")).slice(0, 2_000);
        done();
      },
    });
  }

  /** What an HTTP agent asks of the sockets that it keeps. */
  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  over(socket: Socket): this {
    this.#socket = socket;
    socket.on("close", () => this.#closed());
    // A close follows.
    socket.on("error", () => undefined);
    if (socket.readyState === socket.CLOSING || socket.readyState === socket.CLOSED) this.#closed();
    else void this.#watch(socket);
    return this;
  }

  override _read(): void {
    this.#socket?.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    const socket = this.#socket;
    if (socket === undefined) return done(new Error("not open yet"));
    for (let at = 0; at < chunk.length; at += pieceBytesMax) {
      const piece = chunk.subarray(at, at + pieceBytesMax);
      const isLast = at + pieceBytesMax >= chunk.length;
      socket.send(Buffer.concat([dataChannel, piece]), (error) => {
        if (isLast) done(error ?? null);
      });
    }
    if (chunk.length === 0) done();
  }

  /** This way knows no half of an end: what is left of the answer goes with it. */
  override _final(done: () => void): void {
    this.#socket?.close();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.nothing.destroy();
    socket?.terminate();
    done(error);
  }

  #closed(): void {
    if (this.#why !== "") return void this.destroy(new Error(this.#why));
    this.push(null);
    // Nobody reads a connection that is only kept: without this it would be taken for a good one.
    if (this.readableLength === 0) this.resume();
  }

  /** A network that went away says nothing: who has answered such a question before and does not is gone. */
  async #watch(socket: Socket): Promise<void> {
    let isHeard = true;
    let hasAnswered = false;
    socket.on("pong", () => {
      isHeard = true;
      hasAnswered = true;
    });
    socket.on("message", () => (isHeard = true));
    const over = new AbortController();
    socket.on("close", () => over.abort());
    while (!over.signal.aborted) {
      await this.#pace.wait(signMs, over.signal).catch(() => undefined);
      if (over.signal.aborted) return;
      if (!isHeard && hasAnswered) return void this.destroy(new Error("the way to the pod went silent"));
      isHeard = socket.isPaused;
      socket.ping(undefined, undefined, () => undefined);
    }
  }
}

const dataChannel = Buffer.from([0]);

async function within<T>(work: Promise<T>, pace: Pace, doing: string): Promise<T> {
  const over = new AbortController();
  const late = pace.wait(openWithinMs, over.signal).then(() => {
    throw new AgentFlowError("unavailable", `${doing}: no answer in ${openWithinMs / 1_000}s`, {
      reason: "cluster_silent",
    });
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

interface Refused {
  readonly cluster: Cluster;
  readonly doing: string;
  readonly of: PodPort;
}

/** The handshake tells the number of the answer and not its words. */
async function refusal(error: unknown, { cluster, doing, of }: Refused): Promise<AgentFlowError> {
  const [, code = ""] = /server response: (\d+)/.exec(messageOf(error)) ?? [];
  const { context, server } = cluster.address;
  const details = { context, server, namespace: of.namespace, pod: of.pod };
  if (code === "403") {
    return new AgentFlowError("forbidden", `${doing}: you may not forward ports in ${of.namespace}`, {
      reason: "cluster_forbidden",
      details: { ...details, needs: "create and get of pods/portforward" },
      suggestions: [
        `ask for it: kubectl --context ${context} auth can-i create pods/portforward -n ${of.namespace}`,
        "or reach the API by an ingress: `ingress:` of the target",
      ],
      cause: error,
    });
  }
  if (code === "401") {
    // Said by a request whose answer can be read.
    try {
      await cluster.ask(doing, ({ core }) =>
        core.readNamespacedPod({ namespace: of.namespace, name: of.pod }),
      );
    } catch (refused) {
      return fromCluster(refused, doing, cluster.address);
    }
  }
  if (code !== "") {
    const why =
      code === "404" || code === "400" ? "the pod is gone, or no node has it yet" : `answer ${code}`;
    return new AgentFlowError("unavailable", `${doing}: ${why}`, {
      reason: "pod_gone",
      details,
      cause: error,
    });
  }
  return fromCluster(causeOf(error), doing, cluster.address);
}

/** What a WebSocket fails with is an event that holds the error. */
function causeOf(error: unknown): unknown {
  if (error instanceof Error || typeof error !== "object" || error === null) return error;
  return "error" in error && error.error instanceof Error ? error.error : error;
}

function messageOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("message" in error)) return String(error);
  return String(error.message);
}
