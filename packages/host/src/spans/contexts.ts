import { spanIdOf, traceIdOf } from "./ids.ts";
import { parseTraceparent, type TraceContext } from "./trace-context.ts";

export interface OfRun {
  readonly run: string;
  /** What the client that started the run sent: then the run is part of the client's trace. */
  readonly traceparent?: string | undefined;
}

/** The context of a run's own span, which any process can work out. */
export function runContext({ run, traceparent }: OfRun): TraceContext {
  const client = parseTraceparent(traceparent);
  return {
    trace: client?.trace ?? traceIdOf(run),
    span: spanIdOf(run),
    sampled: client?.sampled ?? true,
  };
}

export function stepContext(of: OfRun & { readonly step: string }): TraceContext {
  return { ...runContext(of), span: spanIdOf(`${of.run}:${of.step}`) };
}

/** The parent of whatever an attempt does: pass a task. */
export function attemptContext(
  of: OfRun & { readonly step: string; readonly attempt: number },
): TraceContext {
  return { ...runContext(of), span: spanIdOf(`${of.run}:${of.step}:${of.attempt}`) };
}

/** What an attempt goes on from: links of its spans. The first has none. */
export function attemptLinks(
  of: OfRun & { readonly step: string; readonly attempt: number },
): TraceContext[] {
  return of.attempt > 1 ? [attemptContext({ ...of, attempt: of.attempt - 1 })] : [];
}
