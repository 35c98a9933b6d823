/** Logs, programs and ports of pods: routed here, done by whoever knows the nodes. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { KubeObject } from "../object.ts";

export interface PodCall {
  readonly namespace: string;
  readonly name: string;
  /** Undefined when there is none: the answer is then the door's own 404. */
  readonly pod: KubeObject | undefined;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
}

/** Who asked has been looked up, and may. A StatusError that is thrown becomes the answer. */
export interface PodDoors {
  log(call: PodCall, response: ServerResponse): Promise<void>;
  /** exec, attach, portforward without an upgrade: an answer that says that one is needed. */
  plain(call: PodCall & { readonly sub: string }, response: ServerResponse): Promise<void>;
  upgrade(call: PodCall & { readonly sub: string }, socket: Duplex, head: Buffer): Promise<void>;
}
