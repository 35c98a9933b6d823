/** Spans: what happened when, across processes, as plain records. */
export { spanIdOf, traceIdOf } from "./ids.ts";
export { attributeNames, spanNames } from "./names.ts";
export { type OtlpSpan, toOtlp } from "./otlp.ts";
export { formatTraceparent, parseTraceparent, type TraceContext } from "./trace-context.ts";
export {
  type Attributes,
  createTracer,
  type Span,
  type SpanEnd,
  type SpanKind,
  type SpanOptions,
  type SpanOwner,
  type Tracer,
  type TracerOptions,
} from "./tracer.ts";
