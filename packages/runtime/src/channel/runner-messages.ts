/** What a supervisor and its runner say to each other on fd 3. */
import type {
  Failure,
  Json,
  LivePart,
  LoadProblem,
  LogRecord,
  Manifest,
  ModelReply,
  SpanRecord,
} from "@agentflow/protocol";
import type { LinkFromSandbox, LinkToSandbox } from "./link-messages.ts";
import type { ModelCall } from "./model-messages.ts";
import type { StrippedFiles } from "../strip/stripped-files.ts";

/** A call as the runner gets it: everything user code may know, nothing of the bus. */
export interface Call {
  readonly kind: "tool" | "agent";
  readonly name: string;
  readonly input: Json;
  readonly run: string;
  readonly workflow: string;
  readonly step: string;
  readonly attempt: number;
  readonly callId: string;
  readonly trace?: string;
  /** The call's own span, as what it sends out may pass it on. */
  readonly traceparent?: string;
  /** Values of the secrets this task may have, by name. */
  readonly secrets?: { readonly [name: string]: string };
  /** The longest that it may take: it is stopped from outside. */
  readonly limitMs?: number;
}

export type ToRunner =
  | readonly ["configure", RunnerConfig]
  | readonly ["call", id: number, call: Call | ModelCall]
  | readonly ["stop", id: number, reason: string]
  | readonly ["inspect", port: number]
  | readonly ["retire"]
  | LinkToSandbox;

export interface RunnerConfig {
  readonly projectDir: string;
  readonly filesDir?: string;
  /** Opened before user code is loaded, so that breakpoints at the top of a file hold. */
  readonly inspectPort?: number;
  /** Files of the project whose types are off already. */
  readonly stripped?: StrippedFiles;
  /** In a sandbox: there is a way out, by its own loopback. */
  readonly egress?: true;
}

export type FromRunner =
  | readonly ["ready", Manifest]
  /** A file of the project that is imported next. */
  | readonly ["loading", file: string]
  | readonly ["broken", LoadProblem]
  | readonly ["inspecting", url: string]
  /** What there is to see of a call that goes on: pieces of a reply, or a tool's progress. */
  | readonly ["part", id: number, parts: readonly LivePart[]]
  | readonly ["done", id: number, end: CallEnd]
  | readonly ["tele", readonly (LogRecord | SpanRecord)[]]
  /** An error that nobody caught: the runner ends right after this. */
  | readonly ["uncaught", text: string]
  | LinkFromSandbox;

/** How a call ended. `big`: the output as JSON text, because it is too long to stand in a record. */
export type CallEnd = { readonly startedAt: string; readonly ms: number } & (
  | { readonly kind: "output"; readonly output: Json }
  | { readonly kind: "big"; readonly text: string; readonly sha256: string; readonly bytes: number }
  /** Of a model call. Its failures have the codes of `modelFailureCodes`. */
  | { readonly kind: "reply"; readonly reply: ModelReply; readonly firstMs?: number }
  | { readonly kind: "failed"; readonly failure: Failure; readonly retryable?: boolean }
);

/** Longest output of one call, as JSON text. */
export const outputBytesMax = 8 * 1024 * 1024;
