/** What can be known of an installation's NATS without changing anything there. */
export interface NatsReport {
  readonly version: string;
  /** Of the server against this machine; half the way there and back is what it can be wrong by. */
  readonly clock: { readonly aheadMs: number; readonly roundTripMs: number };
  /** When an answer is on disk, in words, and how many copies there are. */
  readonly sync: string;
  readonly replicas: number;
  /** Logs side by side, as the installation was made; undefined where none was. */
  readonly logs: number | undefined;
  /** What the server says is wrong with itself, such as a disk that failed it; at its monitor alone. */
  readonly ill: string | undefined;
  readonly storage: { readonly memory: Used; readonly file: Used };
  /** In the order in which this version makes them. */
  readonly streams: readonly StreamReport[];
  readonly consumers: readonly ConsumerReport[];
  readonly deadLetters: number;
}

/** Bytes; no limit when undefined. */
export interface Used {
  readonly used: number;
  readonly limit: number | undefined;
}

export type StreamReport =
  | { readonly kind: "missing"; readonly name: string }
  | {
      readonly kind: "there";
      readonly name: string;
      /** Settings that are not as this version makes them, as `key: is, not made`. */
      readonly differs: readonly string[];
      readonly messages: number;
      readonly messagesMax: number | undefined;
      readonly bytes: number;
      readonly bytesMax: number | undefined;
      /** Copies that lag or are away, by the name of their server. */
      readonly behind: readonly string[];
    };

export interface ConsumerReport {
  readonly name: string;
  readonly subject: string;
  readonly waiting: number;
  readonly leased: number;
  /** Of those that are leased: how many were handed out before. */
  readonly redelivered: number;
}
