/** What a run waits for that only a person can give, and the command that gives it. */
import { type Instant, type StepInstance, type WhyReason, showDuration, unixMs } from "@agentflow/protocol";
import type { ExplainContext } from "./explain-context.ts";
import type { ActiveRun, AskingTask, TaskState, UnknownCall } from "./state.ts";

export function explainUnknown(
  step: StepInstance,
  task: TaskState & { kind: "unknown" },
  { run }: ExplainContext,
): WhyReason {
  const message =
    `attempt ${task.tries.attempt} began a call that cannot be repeated, and was lost: nobody knows ` +
    "whether it took effect; look, then say what happened: done, failed, or retry to do it again";
  const command = `af run resolve ${run} ${step} --as done`;
  return { reason: "outcome_unknown", step, message, since: task.at, command };
}

interface Asking {
  readonly step: StepInstance;
  readonly task: AskingTask;
  readonly context: ExplainContext;
}

/** One reason for each thing that is asked. */
export function explainAsking(run: ActiveRun, { step, task, context }: Asking): WhyReason[] {
  const approvals = task.approvals.flatMap((n) => {
    const approval = run.approvals[n - 1];
    return approval?.kind === "open" ? [explainApproval({ ...approval.asked, step }, context)] : [];
  });
  return [...task.calls.map((call) => explainCall(step, call, context)), ...approvals];
}

interface Asked {
  readonly step: StepInstance;
  readonly n: number;
  readonly at: Instant;
  readonly call?: string;
  readonly shown: { readonly uses: string; readonly text?: string };
  readonly expiresAt: Instant;
}

function explainApproval(
  { step, n, at, call, shown, expiresAt }: Asked,
  { run, now }: ExplainContext,
): WhyReason {
  const what = shown.uses === "human:approve" ? "a person's answer" : `a person to approve ${shown.uses}`;
  const who = call === undefined ? "" : `, asked for by its agent in call ${call}`;
  const why = shown.text === undefined ? "" : `: ${shown.text}`;
  const left = showDuration(Math.max(0, unixMs(expiresAt) - unixMs(now)));
  const message = `waits for ${what}${who}${why} (counts as denied in ${left})`;
  const command = `af approvals show ${run}-${n}`;
  return { reason: "approval", step, message, since: at, until: expiresAt, command };
}

function explainCall(
  step: StepInstance,
  { call, tool, at, reason }: UnknownCall,
  { run }: ExplainContext,
): WhyReason {
  const message =
    `call ${call} of ${tool ?? "a tool"} cannot be repeated and was lost (${reason}): nobody knows whether ` +
    "it took effect; look, then say what happened: done, failed, or retry to do it again";
  const command = `af run resolve ${run} ${step} --call ${call} --as done`;
  return { reason: "outcome_unknown", step, message, since: at, command };
}
