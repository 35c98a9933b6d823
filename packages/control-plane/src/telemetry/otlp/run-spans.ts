/** A run that ended, as spans: itself, its steps, their attempts, under the ids that workers know. */
import {
  attemptContext,
  attemptLinks,
  attributeNames as names,
  parseTraceparent,
  runContext,
  spanNames,
  stepContext,
  type TraceContext,
} from "@agentflow/host/spans";
import {
  type AttemptView,
  type Instant,
  type Json,
  type RunView,
  type SpanRecord,
  type StepView,
  unixMs,
} from "@agentflow/protocol";

/** Empty for a run whose client said that its trace is not sampled. */
export function runSpans(view: RunView, traceparent: string | undefined): SpanRecord[] {
  const of = { run: view.run, traceparent };
  const context = runContext(of);
  if (!context.sampled || view.endedAt === undefined) return [];
  const client = parseTraceparent(traceparent);
  const { run, workflow, version, status, startedAt, endedAt, failure } = view;
  const root = spanOf({
    context,
    parent: client?.span,
    name: spanNames.run,
    from: startedAt,
    to: endedAt,
    failure: failure?.code ?? (status === "completed" ? undefined : status),
    attributes: {
      [names.operation]: "invoke_workflow",
      [names.agentName]: workflow,
      [names.workflow]: workflow,
      "agentflow.workflow.version": version,
      ...usageOf(view.usage),
    },
  });
  return [{ ...root, run }, ...view.steps.flatMap((step) => stepSpans(step, of, endedAt))];
}

function stepSpans(step: StepView, of: { run: string; traceparent: string | undefined }, runEnd: Instant) {
  const { run } = of;
  const first = step.attempts[0];
  const from = step.startedAt ?? first?.dispatchedAt;
  if (from === undefined) return [];
  const context = stepContext({ ...of, step: step.step });
  const began = first === undefined || first.dispatchedAt > from ? from : first.dispatchedAt;
  const span = spanOf({
    context,
    parent: runContext(of).span,
    name: `${spanNames.step} ${step.step}`,
    from: began,
    to: step.endedAt ?? runEnd,
    failure: step.failure?.code,
    attributes: {
      "agentflow.step.uses": step.uses,
      "agentflow.step.status": step.status,
      ...usageOf(step.usage),
    },
  });
  const own = { run, step: step.step };
  const attempts = step.attempts.map((attempt) =>
    attemptSpan(attempt, { of: { ...of, ...own }, context, runEnd }),
  );
  return [{ ...span, ...own }, ...attempts];
}

interface AttemptOf {
  readonly of: { readonly run: string; readonly step: string; readonly traceparent: string | undefined };
  readonly context: TraceContext;
  readonly runEnd: Instant;
}

function attemptSpan(attempt: AttemptView, { of, context, runEnd }: AttemptOf): SpanRecord {
  const { attempt: number, dispatchedAt, endedAt, outcome, failure, worker, queueMs, code } = attempt;
  const numbered = { ...of, attempt: number };
  const links = attemptLinks(numbered).map(({ trace, span }) => `${trace}-${span}`);
  const span = spanOf({
    context: attemptContext(numbered),
    parent: context.span,
    name: `${spanNames.attempt} ${of.step}`,
    from: dispatchedAt,
    to: endedAt ?? runEnd,
    failure: failure?.code ?? (outcome === "lost" || outcome === "stopped" ? outcome : undefined),
    attributes: {
      "agentflow.attempt.outcome": outcome,
      [names.worker]: worker,
      "agentflow.code": code,
      "agentflow.queue_wait_ms": queueMs,
      ...(links.length === 0 ? {} : { [names.links]: links }),
    },
  });
  return { ...span, run: of.run, step: of.step, attempt: number };
}

interface Facts {
  readonly context: TraceContext;
  readonly parent: string | undefined;
  readonly name: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly failure: string | undefined;
  readonly attributes: { readonly [name: string]: Json | undefined };
}

function spanOf({ context, parent, name, from, to, failure, attributes }: Facts): SpanRecord {
  const all: { [name: string]: Json } = {};
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) all[key] = value;
  return {
    kind: "span",
    trace: context.trace,
    span: context.span,
    ...(parent === undefined ? {} : { parent }),
    name,
    startedAt: from,
    ms: Math.max(0, unixMs(to) - unixMs(from)),
    ok: failure === undefined,
    attributes: { ...all, ...(failure === undefined ? {} : { [names.errorType]: failure }) },
  };
}

function usageOf(usage: RunView["usage"]): { [name: string]: Json | undefined } {
  if (usage === undefined) return {};
  return {
    [names.inputTokens]: usage.inputTokens,
    [names.outputTokens]: usage.outputTokens,
    [names.modelCalls]: usage.modelCalls,
    [names.toolCalls]: usage.toolCalls,
    [names.usd]: usage.usd,
  };
}
