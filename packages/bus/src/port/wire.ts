/** Wire: request and reply, and live subjects. Nothing is stored; who is not there misses it. */
import type { Subject } from "@agentflow/protocol";

export interface Stop {
  /** Resolves once the handler will not be called again. */
  stop(): Promise<void>;
}

export interface Wire {
  /** One answer from one server of the subject. Throws `unavailable` when nobody serves, `timeout` after
   *  `timeoutMs`; the request may have been carried out all the same. A handler's error arrives as such:
   *  an AgentFlowError keeps code, reason, message and details, another error is `internal`. */
  request(subject: Subject, body: string, options: { readonly timeoutMs: number }): Promise<string>;
  /** Serves a subject or, when it ends in a dot, all below. Of several servers one gets each request. */
  serve(subject: Subject, handler: (body: string, subject: Subject) => Promise<string>): Promise<Stop>;
  /** Returns before anybody has it. Throws at once for a hostile subject or a body over `bodyBytesMax`. */
  publish(subject: Subject, body: string): void;
  /** Every subscriber gets every message, in order of one publisher; a slow one loses the oldest and is told
   *  how many through `onDropped`. */
  subscribe(
    subject: Subject,
    handler: (body: string, subject: Subject) => void,
    onDropped?: (count: number) => void,
  ): Promise<Stop>;
}
