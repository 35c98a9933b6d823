/** Spans: what happened when, across processes, as plain records. */
export {
  agentEnd,
  type AgentFacts,
  agentSpan,
  chatEnd,
  type ChatEnd,
  type ChatFacts,
  chatSpan,
  inputContent,
  type NamedSpan,
  type OfAgent,
  providerName,
  toolEnd,
  type ToolFacts,
  toolSpan,
  usageAttributes,
} from "./agent-spans.ts";
export { attemptContext, attemptLinks, type OfRun, runContext, stepContext } from "./contexts.ts";
export { spanIdOf, traceIdOf } from "./ids.ts";
export { attributeNames, metricNames, spanNames } from "./names.ts";
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
