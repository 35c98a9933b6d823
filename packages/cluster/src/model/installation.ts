/**
 * The rendered model: everything that an installation consists of, whatever carries it. Docker objects, a
 * compose file and Kubernetes manifests are made from it and from nothing else. It holds no secret.
 */
import type { PoolName } from "@agentflow/protocol";

export interface Installation {
  readonly project: string;
  readonly target: string;
  /** Release of `af` that rendered it. */
  readonly version: string;
  /** In the order in which they are started. */
  readonly parts: readonly Part[];
  readonly volumes: readonly Volume[];
  /** Names of the project's secrets that workers are given, sorted; their values come from elsewhere. */
  readonly secrets: readonly string[];
  /** Where the API is reached from outside. */
  readonly api: ApiDoor;
}

export interface ApiDoor {
  readonly part: PartName;
  /** Address of the carrying machine; loopback unless the target says otherwise. */
  readonly host: string;
  /** Of the first control plane; the n-th listens on the port + n - 1. */
  readonly port: number;
}

/**
 * `keys` makes the identities once and gives each part a volume with its own; `register` brings the project's
 * workflows to the control plane, once for each version of the code; `sandbox` makes a container for each
 * call of an untrusted tool.
 */
export type PartRole = "keys" | "nats" | "control-plane" | "sandbox" | "worker" | "register";

/** `keys`, `nats`, `control-plane`, `sandbox`, `worker-<pool>` or `register`. */
export type PartName = "keys" | "nats" | "control-plane" | "sandbox" | "register" | `worker-${string}`;

/** Alike copies of one program. The n-th is called `<part>-<n>`, counted from 1, and so is its host name. */
export interface Part {
  readonly name: PartName;
  readonly role: PartRole;
  readonly pool?: PoolName;
  /** 0 to 100. A job (`runs: once`) has one. */
  readonly replicas: number;
  /** `once`: runs to its end before the parts that come after it are started. */
  readonly runs: "always" | "once";
  readonly image: string;
  readonly command: readonly string[];
  /** Sorted by name. Never a secret. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variable that holds the copy's own name, `<part>-<n>`. */
  readonly nameIn?: string;
  /** Small public files that stand in the container, such as a server's configuration. */
  readonly files: readonly ConfigFile[];
  readonly mounts: readonly Mount[];
  /** Where the project's secrets appear, one file each; absent: this part is given none. */
  readonly secretsAt?: string;
  /** Shares the network of that part's first copy: it is on loopback for it. Absent: one of its own. */
  readonly network?: PartName;
  /** The carrier's own door, which only `sandbox` is given: it runs as root, for the door is root's. */
  readonly engine?: { readonly socket: string; readonly path: string };
  /** Ports that other parts of the installation may reach. */
  readonly ports: readonly number[];
  readonly health?: HealthCheck;
  readonly limits: Limits;
  /** How long it is given to end in good order. */
  readonly stopMs: number;
  /** Parts that must be healthy, or have ended well, before this one is started. */
  readonly after: readonly PartName[];
}

export interface ConfigFile {
  readonly path: string;
  readonly content: string;
}

export interface Mount {
  readonly volume: string;
  /** Of a volume with `each`: that copy's. The mounting copy's own when left out. */
  readonly copy?: number;
  readonly path: string;
  readonly readOnly: boolean;
  /** In a cluster: these files of it and no others, which the part has no use for. */
  readonly only?: readonly string[];
}

export interface Volume {
  /** Within the installation. With `each`, copy n has `<name>-<n>`. */
  readonly name: string;
  readonly each: boolean;
  /** `data`: runs would be lost with it. `keys`: made anew if lost. `state`: a copy of what the bus holds. */
  readonly holds: "data" | "keys" | "state";
}

export interface HealthCheck {
  readonly port: number;
  readonly path: string;
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly startMs: number;
}

export interface Limits {
  readonly cpus: number;
  readonly memoryMb: number;
  readonly pids: number;
}
