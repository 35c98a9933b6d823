/** What tools did outside, against what the history gives them leave to do. */
import type { RunEvent } from "@agentflow/protocol";
import { ledgerSteps } from "../embedded/project.ts";
import type { CallLine, QueueLoss, Stored } from "./evidence.ts";
import type { Say } from "./fault.ts";

export function checkCalls(
  history: readonly Stored[],
  of: { readonly calls: readonly CallLine[]; readonly losses: readonly QueueLoss[] },
  say: Say,
): void {
  const events = history.flatMap(({ commit }) => commit.events);
  const commands = history.flatMap(({ commit }) => commit.commands);
  const bySteps = Map.groupBy(of.calls, ({ step }) => step);
  for (let i = 0; i < ledgerSteps; i++) {
    const step = `s${i}`;
    const calls = bySteps.get(step) ?? [];
    const own = events.filter((event) => "step" in event && event.step === step);
    if (calls.length === 0 && own.some(({ kind }) => kind === "step_succeeded")) {
      say("outside", `${step} has a result and was never done`);
    }
    const keys = new Set(calls.map(({ callId }) => callId));
    if (keys.size > 1) say("outside", `${step} was called under ${keys.size} idempotency keys`);
    for (const [attempt, made] of Map.groupBy(calls, (call) => call.attempt)) {
      checkAttempt(own, { step, attempt, calls: made, losses: of.losses }, say);
    }
    // One that writes is announced as well when its task came late: that alone makes it no payment.
    const isPayment = commands.some(
      (one) => one.kind === "dispatch_task" && one.step === step && one.effect === "irreversible",
    );
    if (isPayment) checkIrreversible(own, { step, calls }, say);
  }
}

/** An attempt is run once, and once more each time that the queue lost its task: then it is sent again. */
function checkAttempt(
  own: readonly RunEvent[],
  of: {
    readonly step: string;
    readonly attempt: number;
    readonly calls: readonly CallLine[];
    readonly losses: readonly QueueLoss[];
  },
  say: Say,
): void {
  const { step, attempt, calls, losses } = of;
  const isSent = own.some((event) => event.kind === "task_dispatched" && event.attempt === attempt);
  if (!isSent) return say("outside", `${step}/${attempt} was called, and no commit tells of it`);
  for (const [i, { atMs }] of calls.entries()) {
    const before = calls[i - 1]?.atMs;
    if (before === undefined) continue;
    const wasLost = losses.some(({ lostAfterMs, newByMs }) => before < newByMs && atMs > lostAfterMs);
    if (!wasLost) say("outside", `${step}/${attempt} was called again, and the queue had not lost its task`);
  }
}

/** Announced before it is done; done once, whatever dies, unless a person said: again. */
function checkIrreversible(
  own: readonly RunEvent[],
  of: { readonly step: string; readonly calls: readonly CallLine[] },
  say: Say,
): void {
  const { step, calls } = of;
  const attemptsOf = (kind: RunEvent["kind"]): Set<number> =>
    new Set(own.flatMap((event) => (event.kind === kind && "attempt" in event ? (event.attempt ?? []) : [])));
  const [announced, unknown, lost] = [
    attemptsOf("attempt_started"),
    attemptsOf("step_unknown"),
    attemptsOf("attempt_lost"),
  ];
  for (const { attempt } of calls) {
    if (!announced.has(attempt)) say("outside", `the irreversible ${step}/${attempt} was called unannounced`);
  }
  // Lost before it was announced: it was not done. Lost after it was unknown: somebody said "again".
  const again = [...unknown].filter((attempt) => lost.has(attempt)).length;
  if (calls.length > 1 + again) say("outside", `the irreversible ${step} was called ${calls.length} times`);
}
