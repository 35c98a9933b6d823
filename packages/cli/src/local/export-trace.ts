/** A run's whole trace as a collector would get it. */
import type { RunView, SpanRecord } from "@agentflow/protocol";

export interface Exported {
  readonly view: RunView;
  readonly traceparent: string | undefined;
  readonly spans: readonly SpanRecord[];
}

/** Spans of the run, its steps and attempts, made from its history, and those measured below them. */
export async function wholeTrace({ view, traceparent, spans }: Exported): Promise<SpanRecord[]> {
  const { runSpans } = await import("@agentflow/control-plane/otlp");
  return [...runSpans(view, traceparent), ...spans];
}

/** As the body of one OTLP/HTTP request in JSON. */
export async function otlpText(spans: readonly SpanRecord[], of: { version: string; tenant: string }) {
  const { exportBody, waitingSpan } = await import("@agentflow/control-plane/otlp");
  const waiting = spans.flatMap((span) => waitingSpan(of.tenant, span) ?? []);
  return exportBody(waiting, { version: of.version, node: "af" });
}
