import { instant, type SpanRecord } from "@agentflow/protocol";
import type { Clock, Random } from "../clock.ts";
import { cleanFields } from "../log/clean.ts";
import { createSecrets, type Secrets } from "../log/secrets.ts";
import { attributeNames } from "./names.ts";
import type { TraceContext } from "./trace-context.ts";

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";
export type Attributes = { readonly [name: string]: unknown };

/** What a span belongs to; these stand beside the record's name, where `af trace` looks. */
export interface SpanOwner {
  readonly tenant?: string;
  readonly run?: string;
  readonly step?: string;
  readonly attempt?: number;
}

export interface SpanOptions extends SpanOwner {
  /** Without a parent a new trace begins. */
  readonly parent?: TraceContext | undefined;
  /** Ids that must be known elsewhere beforehand; see `traceIdOf` and `spanIdOf`. */
  readonly ids?: { readonly trace?: string; readonly span?: string };
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** Spans of other traces that this one goes on from, as a resumed run does. */
  readonly links?: readonly TraceContext[];
  /** Unix ms, for a span that began before anybody could note it, such as the wait in a queue. */
  readonly startMs?: number;
}

export interface SpanEnd {
  /** The error's code, never its message; its presence makes the span not ok. */
  readonly errorType?: string;
  readonly attributes?: Attributes;
  /** Unix ms; now, if absent. */
  readonly endMs?: number;
}

export interface Span {
  /** Pass it as `parent`, or on the wire by `formatTraceparent`. */
  readonly context: TraceContext;
  set(attributes: Attributes): void;
  /** Hands the record to the sink; a second call does nothing. */
  end(end?: SpanEnd): void;
}

export interface Tracer {
  startSpan(name: string, options?: SpanOptions): Span;
}

export interface TracerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly sink: (record: SpanRecord, tenant: string | undefined) => void;
  readonly secrets?: Secrets;
}

/** Spans as plain records to a sink, mostly a batcher. Nothing is ambient: parents are passed on. */
export function createTracer(options: TracerOptions): Tracer {
  const secrets = options.secrets ?? createSecrets();
  return { startSpan: (name, span = {}) => begin(name, span, { ...options, secrets }) };
}

function begin(
  name: string,
  options: SpanOptions,
  tracer: TracerOptions & { readonly secrets: Secrets },
): Span {
  const { clock, random, sink, secrets } = tracer;
  const { parent, ids, tenant, kind = "internal", links = [] } = options;
  const trace = parent?.trace ?? ids?.trace ?? hex(random.bytes(16));
  const context = { trace, span: ids?.span ?? hex(random.bytes(8)), sampled: parent?.sampled ?? true };
  const startedMs = options.startMs ?? clock.now();
  const startedAt = clock.monotonic();
  let attributes: Attributes = options.attributes ?? {};
  let ended = false;

  const recordOf = (end: SpanEnd): SpanRecord => {
    const all = { ...attributes, ...end.attributes, ...extras(kind, links, end) };
    const wall = options.startMs !== undefined || end.endMs !== undefined;
    const ms = wall ? (end.endMs ?? clock.now()) - startedMs : clock.monotonic() - startedAt;
    const plain = cleanFields(all, { secrets, errorMessages: false });
    return {
      kind: "span",
      trace,
      span: context.span,
      ...(parent === undefined ? {} : { parent: parent.span }),
      name: secrets.redact(name.slice(0, 256)),
      startedAt: instant(startedMs),
      // A microsecond is as fine as anybody can read; a clock set back must not make a negative duration.
      ms: Math.max(0, Math.round(ms * 1000) / 1000),
      ok: end.errorType === undefined,
      ...ownerOf(options),
      ...(Object.keys(plain).length === 0 ? {} : { attributes: plain }),
    };
  };
  return {
    context,
    set(more) {
      attributes = { ...attributes, ...more };
    },
    end(end = {}) {
      if (ended) return;
      ended = true;
      if (context.sampled) sink(recordOf(end), tenant);
    },
  };
}

function extras(kind: SpanKind, links: readonly TraceContext[], end: SpanEnd): Attributes {
  return {
    ...(kind === "internal" ? {} : { [attributeNames.spanKind]: kind }),
    ...(links.length === 0
      ? {}
      : { [attributeNames.links]: links.map((link) => `${link.trace}-${link.span}`) }),
    ...(end.errorType === undefined ? {} : { [attributeNames.errorType]: end.errorType }),
  };
}

function ownerOf({ run, step, attempt }: SpanOptions): Pick<SpanRecord, "run" | "step" | "attempt"> {
  return {
    ...(run === undefined ? {} : { run }),
    ...(step === undefined ? {} : { step }),
    ...(attempt === undefined ? {} : { attempt }),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
