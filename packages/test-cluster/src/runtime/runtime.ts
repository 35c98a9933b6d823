/** What runs the containers of pods: programs of this host, or an engine of containers. */
import type { Duplex } from "node:stream";
import type { Executing, Execution } from "../pods.ts";

export interface PodRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface Image {
  readonly id: string;
  /** As the status of a container names it. */
  readonly name: string;
  /** Of the image's own configuration; none is root. */
  readonly user: string;
}

export interface VolumeFile {
  readonly path: string;
  readonly data: Buffer;
  readonly mode: number;
}

/** What a volume is made of. The runtime makes it real. */
export type VolumeContent =
  | { readonly kind: "empty" }
  | { readonly kind: "files"; readonly files: readonly VolumeFile[] }
  | { readonly kind: "claim"; readonly claim: string };

export interface Mount {
  readonly volume: string;
  readonly path: string;
  readonly subPath?: string | undefined;
  readonly readOnly: boolean;
}

export interface Launch {
  readonly container: string;
  readonly image: string;
  readonly command?: readonly string[] | undefined;
  readonly args?: readonly string[] | undefined;
  readonly workingDir?: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly user?: number | undefined;
  readonly group?: number | undefined;
  readonly readOnlyRoot: boolean;
  /** No capabilities at all. */
  readonly dropAll: boolean;
  readonly noNewPrivileges: boolean;
  readonly memoryBytes?: number | undefined;
  readonly cores?: number | undefined;
}

export interface Ended {
  readonly exitCode: number;
  readonly signal?: number;
  readonly outOfMemory: boolean;
}

export interface Use {
  /** Since it was started. */
  readonly cpuNanos: number;
  readonly memoryBytes: number;
  /** When it was so, by the clock of whoever measures. */
  readonly atMs: number;
}

export interface Running {
  readonly id: string;
  /** What it uses; undefined where nobody measures, or it has ended. */
  use(): Promise<Use | undefined>;
  readonly ended: Promise<Ended>;
  signal(name: "SIGTERM" | "SIGKILL"): void;
  exec(what: Executing): Promise<Execution>;
}

export type Output = (stream: "stdout" | "stderr", chunk: Buffer) => void;

/** A pod on the node: its address, its volumes, what its containers share. */
export interface Sandbox {
  /** May change when what holds the network is made anew. */
  readonly address: string;
  /** Where its ports are for this process, when not at its address. */
  readonly probeHost?: string;
  /** Where this process reaches its ports. */
  connect(port: number): Promise<Duplex>;
  /** Rejects with a StartError when the program cannot be run. */
  start(launch: Launch, output: Output): Promise<Running>;
  remove(): Promise<void>;
}

export interface SandboxSpec {
  readonly pod: PodRef;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly images: readonly string[];
  readonly volumes: ReadonlyMap<string, VolumeContent>;
  readonly fsGroup: number | undefined;
  readonly runtimeHandler: string | undefined;
  /** Nothing reaches it, and it reaches nothing. */
  readonly isClosed: boolean;
}

export interface PodRuntime {
  /** As containers name it: `containerd`, `docker`. */
  readonly scheme: string;
  image(reference: string): Promise<Image | undefined>;
  /** Rejects with the words of the runtime. */
  pull(reference: string): Promise<void>;
  sandbox(spec: SandboxSpec): Promise<Sandbox>;
  removeClaim(claim: string): Promise<void>;
  /** Ends and removes everything that is left. */
  stop(): Promise<void>;
}

export class StartError extends Error {}
