import type { Bus, Wire } from "../port/index.ts";

export interface NatsOptions {
  /** `nats://host:port`, several for a cluster. */
  readonly servers: readonly string[];
  readonly credentials?: NatsCredentials;
  /** How others see this client: in the server's monitor and its logs. */
  readonly name?: string;
  /** Answers arrive below it; each identity has its own, so that nobody can listen to another's. */
  readonly inboxPrefix?: string;
  /**
   * `owner` makes the streams and keeps them as they should be; `worker` uses what is there. `reader` comes
   * as an owner does and makes nothing, serves nothing: for who looks at an installation from outside.
   */
  readonly role: "owner" | "worker" | "reader";
  /** Streams of the log, 1 to 8: fixed when the installation is made, read back when left out. */
  readonly logs?: number;
  /** Copies of each stream, 1, 3 or 5. Only an owner says so. */
  readonly replicas?: number;
  /** More tasks than this are refused as `full`. */
  readonly tasksMax?: number;
  /** Who removes ended runs and blobs, when it is an identity of its own. Only an owner says so. */
  readonly archiver?: { readonly credentials: NatsCredentials; readonly inboxPrefix: string };
  /** `http://host:8222`: asked once how often the server writes to its disk, for `durability`. */
  readonly monitor?: string;
}

/** By path: a secret in an argument would be seen by whoever lists processes. */
export type NatsCredentials =
  | { readonly kind: "nkey"; readonly seedFile: string }
  | { readonly kind: "creds"; readonly file: string }
  | { readonly kind: "password"; readonly user: string; readonly passwordFile: string };

export interface NatsBus extends Bus {
  readonly kind: "nats";
  /** When the server last answered: readiness is judged by it, not by an open socket. */
  readonly lastSuccessMs: number;
  /** Called with each subject that the server did not let this client use; the result ends it. */
  onRefused(fn: (refused: Refused) => void): () => void;
  /** Called (an owner) with each request of a worker that it turned away; the result ends it. */
  onTurnedAway(fn: (turned: TurnedAway) => void): () => void;
}

export interface NatsWire {
  readonly wire: Wire;
  close(): Promise<void>;
}

/** The server refused one of this client's own messages or subscriptions, by its permissions. */
export interface Refused {
  readonly operation: "publish" | "subscribe";
  readonly subject: string;
}

/** What somebody asked this owner for who may not have it. Nothing in it but the tenant is proven. */
export interface TurnedAway {
  /** Whose identity asked: that of the subject. Undefined where a request has none. */
  readonly tenant: string | undefined;
  /** `consumer`, `put`, `delete`, `read`; `answer` for one that goes where its asker might not publish. */
  readonly asked: string;
  /** The subject or row that it was about, cut to 200 characters. */
  readonly about: string;
  readonly reason: string;
}
