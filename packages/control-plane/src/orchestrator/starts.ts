import type { Bus } from "@agentflow/bus";
import type { PreparedPlan } from "@agentflow/core/plan";
import { needsPerson } from "@agentflow/core/run";
import type { World } from "@agentflow/host/clock";
import {
  AgentFlowError,
  type BuildId,
  type Failure,
  type InputAnswer,
  parseId,
  type RunAnswer,
  type StartRunBody,
  type TenantId,
} from "@agentflow/protocol";
import type { AnswerOne, WaitOptions } from "../engine-api.ts";
import type { EngineConfig } from "../engine-config.ts";
import type { Registry, Startable } from "../registry/registry.ts";
import { checkInput } from "./check-input.ts";
import type { Done, FairDoor } from "./fair-door.ts";
import type { RunOutcome } from "./hand-on.ts";
import type { Orchestrator } from "./orchestrator.ts";
import type { Plans } from "./plans.ts";
import { noSuchRun, refusalError } from "./refusal.ts";
import type { Router } from "./router.ts";
import type { RunActor } from "./run-actor.ts";
import { answerOf, fetchAnswer } from "./run-end.ts";
import { makeRunRef, type RunRef } from "./run-ref.ts";
import { checkStart, makeStartInput, prepareInput } from "./start-input.ts";
import type { Waiters } from "./waiters.ts";

export interface StartsParts {
  readonly bus: Bus;
  readonly world: World;
  readonly config: EngineConfig;
  readonly registry: Registry;
  readonly plans: Plans;
  readonly router: Router;
  readonly orchestrator: Orchestrator;
  readonly waiters: Waiters<RunOutcome>;
  readonly door: FairDoor;
  /** Of runs whose workflow names none. */
  readonly build: BuildId;
  /** How a run stands that is not in memory; undefined when there is none. */
  readonly standing: (ref: RunRef) => Promise<Standing | undefined>;
}

export type Standing =
  | { readonly kind: "running"; readonly revision: number }
  /** Its history cannot be read, or it cannot go on; nothing was written about that. */
  | { readonly kind: "parked"; readonly revision: number; readonly failure: Failure }
  | { readonly kind: "told"; readonly outcome: RunOutcome };

/** Starts of runs and waits for their ends, without a promise a run where nothing has to be fetched. */
export class Starts {
  private readonly parts: StartsParts;

  constructor(parts: StartsParts) {
    this.parts = parts;
  }

  /** The returned function forgets the wait; the run goes on. */
  start(tenant: TenantId, body: StartRunBody, to: { waitMs: number; answer: AnswerOne }): () => void {
    const wait = new Wait(to.answer);
    wait.asking = true;
    try {
      this.parts.door.enter({ tenant, from: "clients" }, (done) => {
        wait.done = done;
        this.enter(tenant, body, { wait, waitMs: to.waitMs });
      });
    } catch (error) {
      wait.answer(AgentFlowError.from(error, "starting a run"));
    }
    return () => wait.forget();
  }

  private enter(tenant: TenantId, body: StartRunBody, to: { wait: Wait; waitMs: number }): void {
    const { plans, registry, world } = this.parts;
    const { wait, waitMs } = to;
    try {
      checkStart(body, world.clock.now());
      const ref = makeRunRef(tenant, parseId("run", body.run));
      const head = registry.peek(tenant, body.workflow, body.version);
      const plan = head === undefined ? undefined : plans.peek(tenant, head.plan);
      if (head !== undefined && plan !== undefined) this.begin({ ref, body, head, plan, wait, waitMs });
      else void this.find(ref, body, to);
    } catch (error) {
      wait.done();
      wait.answer(AgentFlowError.from(error, "starting a run"));
    }
  }

  /** Waits for the end of a run that somebody started. */
  wait(tenant: TenantId, run: RunRef["run"], to: { waitMs: number; answer: AnswerOne }): () => void {
    const wait = new Wait(to.answer);
    const ref = makeRunRef(tenant, run);
    void this.waitFor(ref, wait, to.waitMs).catch((error: unknown) => {
      wait.answer(AgentFlowError.from(error, "waiting for a run"));
    });
    return () => wait.forget();
  }

  private async find(ref: RunRef, body: StartRunBody, to: { wait: Wait; waitMs: number }): Promise<void> {
    const { registry, plans } = this.parts;
    try {
      const { head, removed } = await registry.find(ref.tenant, body.workflow, body.version);
      // The same start again finds its own run, whatever became of the workflow since.
      if (removed !== undefined && (await this.parts.standing(ref)) === undefined) throw removed;
      const plan = await plans.get(ref.tenant, head.plan);
      if (plan === undefined) throw planMissing(body.workflow);
      this.begin({ ref, body, head, plan, ...to });
    } catch (error) {
      to.wait.done();
      to.wait.answer(AgentFlowError.from(error, "starting a run"));
    }
  }

  private begin(of: {
    ref: RunRef;
    body: StartRunBody;
    head: Startable;
    plan: PreparedPlan;
    wait: Wait;
    waitMs: number;
  }): void {
    const { ref, body, head, wait, waitMs } = of;
    // First of all: what nests too deep is refused before anything walks through it.
    const { value, blob } = prepareInput(ref, body.input ?? null);
    checkInput(of.plan.plan.input, body.input ?? null, body.workflow);
    const { router, world, bus } = this.parts;
    const build = head.build ?? this.parts.build;
    const input = makeStartInput({ body, head, build, value, nowMs: world.clock.now() });
    if (waitMs > 0) this.listen(ref, wait, waitMs);
    const submit = (): void =>
      router.submit(ref, input, (given) => this.started(ref, given, { wait, waitMs }));
    if (blob === undefined) return submit();
    bus.blobs.put(blob.key, blob.bytes).then(submit, (error: unknown) => {
      wait.done();
      wait.answer(AgentFlowError.from(error, "storing a run's input"));
    });
  }

  private started(
    ref: RunRef,
    given: InputAnswer | AgentFlowError,
    to: { wait: Wait; waitMs: number },
  ): void {
    const { wait, waitMs } = to;
    wait.done();
    if ("code" in given) return wait.answer(given);
    if (given.kind === "refused") return wait.answer(refusalError(given));
    wait.revision = given.revision;
    wait.repeated = given.repeated === true;
    wait.asking = false;
    if (wait.early !== undefined) this.told(ref, wait, wait.early);
    else if (wait.repeated) {
      void this.waitFor(ref, wait, waitMs).catch((error: unknown) => {
        wait.answer(AgentFlowError.from(error, "waiting for a run"));
      });
    } else if (waitMs <= 0) wait.answer({ run: ref.run, status: "running", revision: given.revision });
  }

  /** First listens, then looks: an end between the two is heard. */
  private async waitFor(ref: RunRef, wait: Wait, waitMs: number): Promise<void> {
    if (waitMs > 0 && !wait.listening) this.listen(ref, wait, waitMs);
    const actor = this.parts.orchestrator.hot.get(ref.key);
    if (waitMs > 0 && actor !== undefined && goesOn(actor)) return;
    const standing = await this.parts.standing(ref);
    if (wait.over) return;
    if (standing === undefined) throw noSuchRun(ref.run);
    if (standing.kind === "told") return this.told(ref, wait, standing.outcome);
    wait.revision = Math.max(wait.revision, standing.revision);
    // A parked run does not end by itself: whoever waits is told at once.
    if (standing.kind === "parked") {
      const { failure } = standing;
      wait.answer({ run: ref.run, status: "parked", revision: wait.revision, failure });
    } else if (waitMs <= 0) wait.answer(runningAnswer(ref, wait));
  }

  private listen(ref: RunRef, wait: Wait, waitMs: number): void {
    // Whoever left while its start waited for its turn takes up no place.
    if (wait.over) return;
    const { waiters, config } = this.parts;
    const forMs = Math.min(waitMs, config.waitMaxMs);
    wait.listening = true;
    wait.stop = waiters.add(ref.key, forMs, (outcome) => {
      // Before the start is durable nobody may be told that the run runs.
      if (outcome === undefined) wait.answer(wait.asking ? startUnknown(ref) : runningAnswer(ref, wait));
      else this.told(ref, wait, outcome);
    });
  }

  private told(ref: RunRef, wait: Wait, outcome: RunOutcome): void {
    // Whether this start was the first is not known yet: that answer comes next.
    if (wait.asking) {
      wait.early = outcome;
      return;
    }
    const answer = answerOf(ref.run, outcome);
    if (answer !== undefined) return wait.answer(answer);
    wait.stop();
    fetchAnswer(this.parts.bus.blobs, ref.run, outcome).then(
      (fetched) => wait.answer(fetched),
      (error: unknown) => wait.answer(AgentFlowError.from(error, "fetching a run's output")),
    );
  }
}

/** By callback as `start` and `wait`, but as a promise that a signal can give up. */
export function asPromise(
  begin: (answer: AnswerOne) => () => void,
  { signal }: Pick<WaitOptions, "signal">,
): Promise<RunAnswer> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      forget();
      reject(
        new AgentFlowError("timeout", "the client stopped waiting; the run goes on", {
          reason: "wait_ended",
        }),
      );
    };
    const forget = begin((answer) => {
      signal?.removeEventListener("abort", abort);
      if ("code" in answer) reject(answer);
      else resolve(answer);
    });
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}

/** One client that waits for one run: answered once, by whichever comes first. */
class Wait {
  over = false;
  listening = false;
  /** The start itself is not answered yet. */
  asking = false;
  early: RunOutcome | undefined;
  repeated = false;
  revision = 0;
  stop: () => void = () => undefined;
  /** Its start is answered: another of the tenant may be under way. */
  done: Done = () => undefined;
  private readonly to: AnswerOne;

  constructor(to: AnswerOne) {
    this.to = to;
  }

  answer(given: RunAnswer | AgentFlowError): void {
    if (this.over) return;
    this.forget();
    this.to(this.repeated && !("code" in given) ? { ...given, repeated: true } : given);
  }

  forget(): void {
    this.over = true;
    this.stop();
  }
}

function runningAnswer({ run }: RunRef, { revision }: Wait): RunAnswer {
  return { run, status: "running", revision };
}

/** Not ended, and nothing in it waits for a person. */
function goesOn({ state, parked }: RunActor): boolean {
  return state?.kind === "active" && parked === undefined && needsPerson(state) === undefined;
}

function startUnknown({ run }: RunRef): AgentFlowError {
  const message = `it is not known yet whether run ${run} was started; ask again under the same id`;
  return new AgentFlowError("timeout", message, { reason: "start_unknown" });
}

function planMissing(workflow: string): AgentFlowError {
  return new AgentFlowError("internal", `the plan of workflow ${workflow} is not stored`, {
    reason: "plan_missing",
  });
}
