import { type Instant, type RunStarted, type StartInput, instant, unixMs } from "@agentflow/protocol";
import { type Verdict, accepted, refuse, repeated } from "./verdict.ts";
import { type Work, emit } from "./work.ts";

/** Starts a run, or finds it started: the same body again is a repeat, another one a conflict. */
export function decideStart(work: Work, input: StartInput): Verdict {
  const { run } = work.draft;
  if (run.kind !== "absent") {
    if (run.started.fingerprint === input.fingerprint) return repeated;
    return refuse("conflict", "this run id was started before with another body");
  }
  const deadline = deadlineOf(work, input);
  emit(work, startedBy(input, deadline));
  if (deadline !== undefined) work.commands.push({ kind: "start_timer", timer: "run", due: deadline });
  for (const step of work.plan.order) {
    if (step.def.needs.length === 0) work.candidates.add(step);
  }
  return accepted;
}

function deadlineOf(work: Work, { at, timeoutMs }: StartInput): Instant | undefined {
  const limits = [work.plan.plan.timeoutMs, timeoutMs].filter((ms) => ms !== undefined);
  return limits.length === 0 ? undefined : instant(unixMs(at) + Math.min(...limits));
}

function startedBy(input: StartInput, deadline: Instant | undefined): RunStarted {
  const { at, workflow, version, plan, build, fingerprint, labels, traceparent } = input;
  return {
    kind: "run_started",
    at,
    workflow,
    version,
    plan,
    build,
    input: input.input,
    fingerprint,
    ...(labels === undefined ? {} : { labels }),
    ...(deadline === undefined ? {} : { deadline }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}
