/** Where the calls of one loop are made. */
import { type Instant, type StepInstance, instant } from "@agentflow/protocol";
import { type Span, type TraceContext, formatTraceparent } from "@agentflow/host/spans";
import type { Drive } from "./house.ts";
import type { Live } from "./live.ts";
import type { OpenCalls } from "./open-calls.ts";
import type { LoopSpans } from "./spans.ts";

export interface Scene {
  readonly drive: Drive;
  readonly step: StepInstance;
  readonly calls: OpenCalls;
  readonly live: Live;
  readonly spans: LoopSpans;
  /** The loop's own span: the parent of what happens in it. */
  readonly span: Span;
}

export function nowIn({ drive }: Scene): Instant {
  return instant(drive.house.world.clock.now());
}

/** What every call says of where it belongs: a sub-agent's to the step that called it. */
export function placeOf(scene: Scene, context: TraceContext): Place {
  const { run, workflow, step, attempt } = scene.drive.task;
  return {
    run,
    workflow,
    step,
    attempt,
    trace: context.trace,
    traceparent: formatTraceparent(context),
  };
}

export interface Place {
  readonly run: string;
  readonly workflow: string;
  readonly step: string;
  readonly attempt: number;
  readonly trace: string;
  readonly traceparent: string;
}
