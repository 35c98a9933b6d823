/**
 * One attempt from the queue to its report. The order is the promise: nothing starts that may not, the result
 * is
 * in the log before the task is acknowledged, and a lost lease stops the work without a report.
 */
import { attemptContext, formatTraceparent } from "@agentflow/host/spans";
import {
  type InputAnswer,
  type Outcome,
  type RunInput,
  type Task,
  callId,
  instant,
  showDuration,
  toFailure,
  unixMs,
} from "@agentflow/protocol";
import { type Live, createLive } from "../agent/live.ts";
import { type ModelAgent, modelAgent } from "../agent/rules.ts";
import type { Call, CallEnd } from "../channel/runner-messages.ts";
import { type Result, report, reportResult } from "./attempt-report.ts";
import { runDriven } from "./driven-attempt.ts";
import { failureOf, isUnknownSecret } from "./keys.ts";
import { masked } from "./masked-end.ts";
import { maskedFailure } from "./masked-failure.ts";
import type { AttemptEnd, AttemptHouse, OpenAttempt } from "./open-attempt.ts";
import type { CallLost } from "./runner-port.ts";
import { workerLimits } from "./limits.ts";
import { outcomeOf, resolveInput } from "./values.ts";

export async function runAttempt(attempt: OpenAttempt, house: AttemptHouse): Promise<AttemptEnd> {
  const { task } = attempt;
  if (attempt.delivery.delivery > 1) return passOn(attempt, house);
  if (mustAsk(task, house)) {
    const may = await mayStart(attempt, house);
    if (may === "begun_before") return passOn(attempt, house);
    if (may === "no") return "refused";
  }
  const agent = agentOf(task, house);
  if (agent !== undefined) return runDriven(attempt, agent, house);
  const ended = await call(attempt, house);
  if (ended === undefined || (attempt.lost.signal.aborted && ended.kind === "lost")) return "lost";
  attempt.delivery.reporting();
  const outcome = await settle(attempt, ended, house);
  const answer = await reportResult(attempt, { outcome, facts: factsOf(attempt, ended) }, house);
  if (answer === undefined) return "lost";
  await attempt.delivery.ack();
  return answer.kind === "accepted" ? "reported" : "refused";
}

/**
 * An irreversible call is announced whatever happens. One that writes is asked after when its task comes
 * late: its result may be on record. An owner that slept may have sent it once more, a line that was dead may
 * have carried it only now, a server may have forgotten its acknowledgement; each of that takes longer than
 * to hand out a task at once. Clocks that differ by more cost a question each.
 */
function mustAsk({ effect, at }: Task, { clock }: AttemptHouse): boolean {
  if (effect === "irreversible") return true;
  return effect === "write" && clock.now() - unixMs(at) > workerLimits.lateTaskMs;
}

/** An agent whose loop is driven here; one that is a function is called like a tool. */
function agentOf({ uses }: Task, { agents }: AttemptHouse): ModelAgent | undefined {
  const manifest = agents.manifest();
  return uses.kind === "agent" && manifest !== undefined ? modelAgent(manifest, uses.name) : undefined;
}

function factsOf({ running }: OpenAttempt, ended: CallEnd | CallLost): Result["facts"] {
  return {
    ...(ended.kind === "lost" ? {} : { startedAt: ended.startedAt, ms: ended.ms }),
    ...(running === undefined ? {} : { code: running.code }),
    ...(running?.sandbox === undefined ? {} : { sandbox: running.sandbox }),
  };
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
  const started: RunInput = {
    kind: "started",
    id: house.reporter.inputId(),
    at: instant(house.clock.now()),
    step: task.step,
    attempt: task.attempt,
    worker: house.incarnation,
  };
  let answer: InputAnswer | undefined;
  // An answer that was slept through is an old one: the same is asked again, which says how it stands now.
  for (let asked = 0; asked < workerLimits.startAsksMax; asked++) {
    const began = house.clock.monotonic();
    answer = await report(attempt, started, house);
    if (answer?.kind !== "accepted") break;
    if (house.clock.monotonic() - began <= workerLimits.startFreshMs) break;
  }
  if (answer === undefined) return "no";
  if (answer.kind === "accepted") return "yes";
  if (answer.reason === "attempt_taken") return "begun_before";
  await attempt.delivery.ack();
  return "no";
}

async function call(attempt: OpenAttempt, house: AttemptHouse): Promise<CallEnd | CallLost | undefined> {
  const { task, lost } = attempt;
  const { masks, bus, world } = house.agents;
  // Most tools say nothing of their progress.
  let live: Live | undefined;
  try {
    const input = await resolveInput(task, house.blobs);
    const limitMs = task.timeoutMs ?? house.attemptTimeoutMs;
    const asked = { ...callOf(task, input, house.agents), limitMs };
    const running = await house.agents.startCall(asked, lost.signal, (parts) => {
      live ??= createLive({ ...bus, ...world, ...task, masks });
      live.tell(parts.flatMap((part) => (part.kind === "progress" ? [{ ...part, call: asked.name }] : [])));
    });
    if (running === undefined) return undefined;
    attempt.running = running;
    attempt.limitMs = limitMs;
    attempt.deadlineMs = house.clock.monotonic() + limitMs;
    const stop = (): void => running.stop("the task was taken back");
    lost.signal.addEventListener("abort", stop, { once: true });
    const end = await running.end;
    lost.signal.removeEventListener("abort", stop);
    return masked(end, masks);
  } catch (error) {
    const retryable = isUnknownSecret(error) ? { retryable: false } : {};
    const failure = maskedFailure(failureOf(error), masks);
    return { kind: "failed", failure, ...retryable, startedAt: instant(house.clock.now()), ms: 0 };
  } finally {
    void live?.close();
  }
}

function callOf(task: Task, input: Call["input"], { keys, manifest }: AttemptHouse["agents"]): Call {
  const { uses } = task;
  if (uses.kind !== "tool" && uses.kind !== "agent") throw new TypeError(`a task cannot use ${uses.kind}`);
  const callables = uses.kind === "tool" ? manifest()?.tools : manifest()?.agents;
  const { secrets = [] } = callables?.find(({ name }) => name === uses.name) ?? {};
  return {
    kind: uses.kind,
    name: uses.name,
    input,
    run: task.run,
    workflow: task.workflow,
    step: task.step,
    attempt: task.attempt,
    callId: callId(task),
    ...(task.traceparent === undefined ? {} : tracedBy(task)),
    ...(secrets.length === 0 ? {} : { secrets: keys.secrets(secrets) }),
  };
}

/** Of a run that began with a trace; every other one's is known to whoever knows its id. */
function tracedBy(task: Task): Pick<Call, "trace" | "traceparent"> {
  const context = attemptContext(task);
  return { trace: context.trace, traceparent: formatTraceparent(context) };
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
