/** A client as the SDK is one: it makes the run id, asks again under it, and takes no answer for no. */
import { sleep } from "@agentflow/host/clock";
import type { Engine } from "@agentflow/control-plane";
import type { SeededRandom } from "@agentflow/host/virtual";
import {
  AgentFlowError,
  type ApprovalView,
  type DecideBody,
  defaultTenant,
  errorTable,
  type Json,
  type RunId,
  type StartRunBody,
} from "@agentflow/protocol";
import type { House } from "./house.ts";

export interface ClientOptions {
  readonly name: string;
  readonly house: House;
  readonly random: SeededRandom;
  /** How often a request or its answer is lost on the way, 0 to 1; asked at each call. */
  readonly lossRate: () => number;
}

const timeoutMs = 3_000;
const pauseMs = 200;

/** What a client may ask again for: it never learned what became of the first. */
type Ask<T> = (engine: Engine) => Promise<T>;

export class Client {
  /** Set when the simulation ends: nobody waits any more. */
  gone = false;
  private readonly options: ClientOptions;

  constructor(options: ClientOptions) {
    this.options = options;
  }

  /** Starts a run, again and again under the same id until there is an answer; then waits for its end. */
  async run(
    body: StartRunBody,
    facts: { readonly waits: boolean; readonly base: number; readonly items: readonly number[] },
  ): Promise<void> {
    const { ledger } = this.options.house;
    ledger.asked.set(body.run, { workflow: body.workflow, base: facts.base, items: facts.items });
    const waitMs = facts.waits ? 2_500 : 0;
    for (let again = true; again && !this.gone; ) {
      const answer = await this.until((engine) => engine.runs.start(defaultTenant, body, { waitMs }));
      if (answer === undefined) return;
      if (answer instanceof AgentFlowError) {
        ledger.refused.push({ run: body.run, code: answer.code, body: "same" });
        return;
      }
      this.tell(body.run, answer);
      again = facts.waits && answer.status === "running";
    }
  }

  /** Another body under an id that is taken. */
  async intrude(body: StartRunBody): Promise<void> {
    const answer = await this.until((engine) => engine.runs.start(defaultTenant, body, { waitMs: 0 }));
    if (answer === undefined) return;
    const code = answer instanceof AgentFlowError ? answer.code : "accepted";
    this.options.house.ledger.refused.push({ run: body.run, code, body: "other" });
  }

  async cancel(run: RunId, input: string): Promise<void> {
    const answer = await this.until((engine) => engine.runs.cancel(defaultTenant, run, { input }));
    if (answer === undefined || answer instanceof AgentFlowError) return;
    const { ledger, time } = this.options.house;
    ledger.cancelled.push({ run, input, atMs: time.now(), answer });
  }

  /** Says what became of an irreversible call, as a person would who looked. */
  async resolve(
    run: RunId,
    of: { step: string; input: string; call?: string; as: "done" | "failed" | "retry"; output: Json },
  ): Promise<void> {
    const { step, input, call, as, output } = of;
    const { ledger } = this.options.house;
    ledger.resolved.add(run);
    if (call !== undefined) ledger.settled.push({ run, call, as });
    const named = call === undefined ? {} : { call };
    const body = { step, input, as, ...named, ...(as === "done" ? { output } : {}) };
    await this.until((engine) => engine.runs.resolve(defaultTenant, run, body));
  }

  async openApprovals(run: RunId): Promise<readonly ApprovalView[]> {
    const page = await this.until((engine) =>
      engine.people.approvals(defaultTenant, { status: "open", run, limit: 50 }),
    );
    return page === undefined || page instanceof AgentFlowError ? [] : page.approvals;
  }

  /** Approves or denies what somebody was shown. */
  async decide({ run, approval }: ApprovalView, body: DecideBody & { readonly by: string }): Promise<void> {
    const answer = await this.until((engine) => engine.people.decide(defaultTenant, approval, body));
    if (answer === undefined) return;
    const { hash, approve, by } = body;
    const said = answer instanceof AgentFlowError ? answer.reason : "accepted";
    this.options.house.ledger.decided.push({ run, approval, hash, approve, by, answer: said });
  }

  private tell(run: string, answer: Awaited<ReturnType<Engine["runs"]["start"]>>): void {
    const { house, name } = this.options;
    house.ledger.told.push({ run, client: name, atMs: house.time.now(), answer });
  }

  /** The answer, or the error that no repeat can change; undefined when the simulation ended first. */
  private async until<T>(ask: Ask<T>): Promise<T | AgentFlowError | undefined> {
    while (!this.gone) {
      try {
        return await this.once(ask);
      } catch (error) {
        const known = AgentFlowError.from(error, "asking an engine");
        if (isFinal(known)) return known;
        await sleep(this.options.house.time, pauseMs + this.options.random.int(pauseMs));
      }
    }
    return undefined;
  }

  private async once<T>(ask: Ask<T>): Promise<T> {
    const { house } = this.options;
    let stopTimer = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      const expire = (): void => reject(new AgentFlowError("timeout", "no answer"));
      stopTimer = house.time.after(timeoutMs, expire);
    });
    try {
      return await Promise.race([this.exchange(ask), late]);
    } finally {
      stopTimer();
    }
  }

  private async exchange<T>(ask: Ask<T>): Promise<T> {
    const { house, random, lossRate } = this.options;
    await sleep(house.time, 1 + random.int(5));
    const to = random.pick(house.engines);
    if (to?.engine === undefined) throw new AgentFlowError("unavailable", "nobody listens");
    if (random.number() < lossRate()) await never();
    await to.process.gate();
    const answer = await to.process.pass(ask(to.engine));
    await sleep(house.time, 1 + random.int(5));
    if (random.number() < lossRate()) await never();
    return answer;
  }
}

/** Asking again changes nothing. Losing a race is no answer. */
function isFinal({ code, reason }: AgentFlowError): boolean {
  const { retry } = errorTable[code];
  return retry === "never" || (retry === "reload" && reason !== "conflict_rounds");
}

/** Its own each time: a shared one would remember everybody who ever waited on it. */
function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}
