/**
 * One attempt from the queue to its report. The order is the promise: nothing starts that may not, the result
 * is
 * in the log before the task is acknowledged, and a lost lease stops the work without a report.
 */
import type { Delivery } from "@agentflow/bus";
import type { Clock } from "@agentflow/host/clock";
import {
  type InputAnswer,
  type Outcome,
  type RunInput,
  type Task,
  type WorkerId,
  callId,
  instant,
  showDuration,
  toFailure,
} from "@agentflow/protocol";
import type { Call, CallEnd } from "../channel/runner-messages.ts";
import { isTooBig, type Reporter } from "./report.ts";
import type { RunningCall } from "./runner-pool.ts";
import type { CallLost } from "./runner-port.ts";
import { type ValueHouse, outcomeOf, resolveInput } from "./values.ts";

/** What an attempt needs of its worker. */
export interface AttemptHouse extends ValueHouse {
  readonly worker: WorkerId;
  /**
   * This life of the worker. A successor under the same name, which gets the same task after a restart, must
   * not be taken for the one that began an irreversible call.
   */
  readonly incarnation: WorkerId;
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** For a task that brings no timeout of its own. */
  readonly attemptTimeoutMs: number;
  /** Waits until code is loaded and starts the call; undefined when the signal aborts first. */
  startCall(call: Call, signal: AbortSignal): Promise<RunningCall | undefined>;
}

export type AttemptEnd = "reported" | "refused" | "lost" | "passed_on";

/** What the worker's sweep looks at: when the attempt must end, and how it is made to. */
export interface OpenAttempt {
  readonly task: Task;
  /** By which the task is held: another one after a lost connection to the queue. */
  delivery: Delivery;
  /** Aborts when the task is not ours any more. */
  readonly lost: AbortController;
  readonly sinceMs: number;
  running?: RunningCall;
  limitMs?: number;
  deadlineMs?: number;
  /** Set once the timeout struck: the outcome is `timeout` whatever the call still says. */
  timedOut?: boolean;
}

export function openAttempt(task: Task, delivery: Delivery, sinceMs: number): OpenAttempt {
  const attempt: OpenAttempt = { task, delivery, lost: new AbortController(), sinceMs };
  holdBy(attempt, delivery);
  return attempt;
}

/** From now on the attempt's task is held by this delivery; what becomes of older ones is of no concern. */
export function holdBy(attempt: OpenAttempt, delivery: Delivery): void {
  attempt.delivery = delivery;
  const tell = (): void => {
    if (attempt.delivery === delivery) attempt.lost.abort();
  };
  if (delivery.lost.aborted) tell();
  else delivery.lost.addEventListener("abort", tell, { once: true });
}

export async function runAttempt(attempt: OpenAttempt, house: AttemptHouse): Promise<AttemptEnd> {
  const { task } = attempt;
  if (attempt.delivery.delivery > 1) return passOn(attempt, house);
  if (task.effect === "irreversible") {
    const may = await mayStart(attempt, house);
    if (may === "begun_before") return passOn(attempt, house);
    if (may === "no") return "refused";
  }
  const ended = await call(attempt, house);
  if (ended === undefined || (attempt.lost.signal.aborted && ended.kind === "lost")) return "lost";
  attempt.delivery.reporting();
  const outcome = await settle(attempt, ended, house);
  const answer = await reportResult(attempt, { ended, outcome }, house);
  if (answer === undefined) return "lost";
  await attempt.delivery.ack();
  return answer.kind === "accepted" ? "reported" : "refused";
}

/**
 * A task that was handed out before is never run again under the same attempt: the run decides what follows.
 */
async function passOn(attempt: OpenAttempt, house: AttemptHouse): Promise<AttemptEnd> {
  const { task } = attempt;
  const answer = await report(
    attempt,
    {
      kind: "redelivered",
      id: house.reporter.inputId(),
      at: instant(house.clock.now()),
      step: task.step,
      attempt: task.attempt,
      worker: house.worker,
      delivery: attempt.delivery.delivery,
    },
    house,
  );
  if (answer === undefined) return "lost";
  await attempt.delivery.ack();
  return "passed_on";
}

async function mayStart(attempt: OpenAttempt, house: AttemptHouse): Promise<"yes" | "no" | "begun_before"> {
  const { task } = attempt;
  const answer = await report(
    attempt,
    {
      kind: "started",
      id: house.reporter.inputId(),
      at: instant(house.clock.now()),
      step: task.step,
      attempt: task.attempt,
      worker: house.incarnation,
    },
    house,
  );
  if (answer === undefined) return "no";
  if (answer.kind === "accepted") return "yes";
  if (answer.reason === "attempt_taken") return "begun_before";
  await attempt.delivery.ack();
  return "no";
}

async function call(attempt: OpenAttempt, house: AttemptHouse): Promise<CallEnd | CallLost | undefined> {
  const { task, lost } = attempt;
  try {
    const input = await resolveInput(task, house.blobs);
    const running = await house.startCall(callOf(task, input), lost.signal);
    if (running === undefined) return undefined;
    attempt.running = running;
    attempt.limitMs = task.timeoutMs ?? house.attemptTimeoutMs;
    attempt.deadlineMs = house.clock.monotonic() + attempt.limitMs;
    const stop = (): void => running.stop("the task was taken back");
    lost.signal.addEventListener("abort", stop, { once: true });
    const end = await running.end;
    lost.signal.removeEventListener("abort", stop);
    return end;
  } catch (error) {
    return { kind: "failed", failure: toFailure(error), startedAt: instant(house.clock.now()), ms: 0 };
  }
}

function callOf(task: Task, input: Call["input"]): Call {
  const { uses } = task;
  if (uses.kind !== "tool" && uses.kind !== "agent") throw new TypeError(`a task cannot use ${uses.kind}`);
  return {
    kind: uses.kind,
    name: uses.name,
    input,
    run: task.run,
    workflow: task.workflow,
    step: task.step,
    attempt: task.attempt,
    callId: callId(task),
    ...(task.traceparent === undefined ? {} : { trace: task.traceparent.split("-")[1] ?? "" }),
  };
}

async function settle(
  attempt: OpenAttempt,
  ended: CallEnd | CallLost,
  house: AttemptHouse,
): Promise<Outcome> {
  if (attempt.timedOut === true && ended.kind !== "output" && ended.kind !== "big") {
    const message = lateText(attempt, ended);
    // Stopped half-way, it may have been done: that is for the run to settle, not for a retry.
    if (attempt.task.effect === "irreversible") return { kind: "lost", reason: `timeout: ${message}` };
    return { kind: "failed", failure: { code: "timeout", message } };
  }
  if (ended.kind === "lost") return { kind: "lost", reason: ended.reason };
  try {
    return await outcomeOf(ended, attempt.task, house);
  } catch (error) {
    // The output could not be stored: as good as a worker that died before it could say so.
    return { kind: "lost", reason: `output_not_stored: ${toFailure(error).message}` };
  }
}

/** A call whose runner had to go is most often a loop that never waits: nothing else can be done to it. */
function lateText({ limitMs = 0 }: OpenAttempt, ended: CallEnd | CallLost): string {
  const late = `no answer within its timeout of ${showDuration(limitMs)}`;
  return ended.kind === "lost" ? `${late}, nor did it stop when asked: its runner was ended` : late;
}

interface Result {
  readonly ended: CallEnd | CallLost;
  readonly outcome: Outcome;
}

/** A result that is too long to be said is a failure of its own: else nobody would hear of this attempt. */
async function reportResult(
  attempt: OpenAttempt,
  of: Result,
  house: AttemptHouse,
): Promise<InputAnswer | undefined> {
  try {
    return await report(attempt, resultOf(attempt, of, house), house);
  } catch (error) {
    if (!isTooBig(error)) throw error;
    const failure = {
      code: "limit_exceeded",
      message: "what the call ended with is too long to be recorded",
    };
    const outcome: Outcome = { kind: "failed", failure, retryable: false };
    return report(attempt, resultOf(attempt, { ...of, outcome }, house), house);
  }
}

function resultOf(attempt: OpenAttempt, of: Result, house: AttemptHouse): RunInput {
  const { task } = attempt;
  const { ended, outcome } = of;
  return {
    kind: "result",
    id: house.reporter.inputId(),
    at: instant(house.clock.now()),
    step: task.step,
    attempt: task.attempt,
    outcome,
    worker: house.worker,
    ...(ended.kind === "lost" ? {} : { startedAt: ended.startedAt, ms: ended.ms }),
    ...(attempt.running === undefined ? {} : { code: attempt.running.code }),
  };
}

function report(
  attempt: OpenAttempt,
  input: RunInput,
  house: AttemptHouse,
): Promise<InputAnswer | undefined> {
  return house.reporter.report(attempt.task, input, attempt.lost.signal);
}
