/** What the API server asks of the nodes: logs of containers, programs in them, ways to their ports. */
import type { Duplex } from "node:stream";

export interface ContainerRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

export interface LogQuery {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceMs?: number;
  readonly limitBytes?: number;
}

export interface Executing {
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly tty: boolean;
}

export interface Execution {
  readonly stdin: { write(chunk: Buffer): void; end(): void };
  onOutput(listener: (stream: "stdout" | "stderr", chunk: Buffer) => void): void;
  /** `error` when it could not be started, or its container went. */
  readonly ended: Promise<{ readonly exitCode: number } | { readonly error: string }>;
  kill(): void;
}

/** The nodes of the cluster. Whether pod and container exist and run is for the caller to look up. */
export interface Nodes {
  logs(of: ContainerRef, query: LogQuery, signal: AbortSignal): AsyncIterable<Buffer>;
  exec(of: ContainerRef, what: Executing): Promise<Execution>;
  /** Rejects with the text that a kubelet gives when nothing listens on the port. */
  connect(of: Omit<ContainerRef, "container">, port: number): Promise<Duplex>;
}
