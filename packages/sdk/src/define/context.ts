/** What user code gets beside its input. */
import type { Json } from "@agentflow/protocol";

export interface CallContext {
  /** Aborts at the call's timeout, on cancel and when the worker stops: pass it on to fetch and friends. */
  readonly signal: AbortSignal;
  readonly log: CallLog;
  /** The same for every attempt of this call: use it as idempotency key. For `write` the tool's own key. */
  readonly callId: string;
  readonly run: string;
  readonly workflow: string;
  readonly step: string;
  /** From 1. */
  readonly attempt: number;
  /** The folder of the project: relative paths of the input are meant from here. */
  readonly projectDir: string;
  /**
   * A folder in which files may be left: the project's own where it runs from its folder, a volume that all
   * workers share in containers (where the project itself cannot be written), `/tmp` in a sandbox.
   */
  readonly filesDir: string;
  readonly secrets: Secrets;
  /**
   * W3C Trace Context of this call, for the header `traceparent` of what it asks of others: their spans then
   * stand below it. Empty when the call is not traced.
   */
  readonly traceparent: string;
  /** Says how far the call is to whoever watches the run now; it is not kept. */
  progress(message: string, data?: { readonly [key: string]: Json }): void;
  /** Runs `work` as a named span of the trace, ended when it settles. */
  span<T>(
    name: string,
    work: (span: SpanContext) => Promise<T> | T,
    attributes?: { readonly [key: string]: Json },
  ): Promise<T>;
}

export interface SpanContext {
  /** As the call's own, with the new span as the parent. */
  readonly traceparent: string;
}

export interface CallLog {
  debug(message: string, fields?: { readonly [key: string]: Json }): void;
  info(message: string, fields?: { readonly [key: string]: Json }): void;
  warn(message: string, fields?: { readonly [key: string]: Json }): void;
  error(message: string, fields?: { readonly [key: string]: Json }): void;
}

export interface Secrets {
  /** The secret's value. Throws `not_found` when this task may not have it. */
  get(name: string): string;
}
