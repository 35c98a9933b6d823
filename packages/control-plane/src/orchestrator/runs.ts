import {
  type AgentFlowError,
  type EventPage,
  type InputAnswer,
  instant,
  type JournalPage,
  parseId,
  type Plan,
  type ResolveBody,
  type RunAnswer,
  type RunId,
  type RunInput,
  type RunPage,
  type RunView,
  type StartRunBody,
  type TenantId,
  type WhyAnswer,
} from "@agentflow/protocol";
import type { World } from "@agentflow/host/clock";
import type {
  AnswerEach,
  AnswerOne,
  CancelRequest,
  EngineRuns,
  FollowRuns,
  RunFilter,
  StartOne,
  WaitOptions,
} from "../engine-api.ts";
import { follow, type FollowParts, pageOfEvents } from "../projector/follow.ts";
import { type JournalQuery, pageOfJournal } from "../projector/journals.ts";
import { listRuns, type ListParts } from "../projector/list-runs.ts";
import type { Done, FairDoor } from "./fair-door.ts";
import { refusalError } from "./refusal.ts";
import type { Router } from "./router.ts";
import type { RunQueries } from "./run-queries.ts";
import { makeRunRef } from "./run-ref.ts";
import { prepareInput } from "./start-input.ts";
import { asPromise, type Starts } from "./starts.ts";
import type { Blobs } from "@agentflow/bus";

export type Ask = (tenant: TenantId, run: RunId, input: RunInput) => Promise<InputAnswer>;

export interface RunsParts {
  readonly world: World;
  readonly blobs: Blobs;
  readonly router: Router;
  readonly door: FairDoor;
  readonly starts: Starts;
  readonly queries: RunQueries;
  readonly following: FollowParts;
  readonly listing: ListParts;
}

/** The reason of a cancel that gives none. */
export const cancelledByClient = "cancelled by a client";

/** All that can be done with runs, each in one call of the part that does it. */
export class Runs implements EngineRuns {
  private readonly parts: RunsParts;

  constructor(parts: RunsParts) {
    this.parts = parts;
  }

  submit(tenant: TenantId, run: RunId, input: RunInput): Promise<InputAnswer> {
    return new Promise((resolve, reject) => {
      this.parts.router.submit(makeRunRef(tenant, run), input, (given) => {
        if ("code" in given) reject(given);
        else resolve(given);
      });
    });
  }

  start(tenant: TenantId, body: StartRunBody, options: WaitOptions): Promise<RunAnswer> {
    const { waitMs } = options;
    return asPromise((answer) => this.parts.starts.start(tenant, body, { waitMs, answer }), options);
  }

  startMany(tenant: TenantId, starts: readonly StartOne[], answer: AnswerEach): () => void {
    const forget = starts.map(({ body, waitMs }, index) => {
      const one = (given: RunAnswer | AgentFlowError): void => answer(index, given);
      return this.parts.starts.start(tenant, body, { waitMs, answer: one });
    });
    return () => {
      for (const one of forget) one();
    };
  }

  wait(tenant: TenantId, run: RunId, options: WaitOptions): Promise<RunAnswer> {
    return asPromise((answer) => this.waitEach(tenant, run, options.waitMs, answer), options);
  }

  waitEach(tenant: TenantId, run: RunId, waitMs: number, answer: AnswerOne): () => void {
    return this.parts.starts.wait(tenant, run, { waitMs, answer });
  }

  async cancel(tenant: TenantId, run: RunId, body: CancelRequest): Promise<InputAnswer> {
    const { reason = cancelledByClient, by } = body;
    const base = { kind: "cancel", id: parseId("input", body.input), at: this.now(), reason } as const;
    return this.ask(tenant, run, by === undefined ? base : { ...base, by });
  }

  async resolve(
    tenant: TenantId,
    run: RunId,
    body: ResolveBody & { readonly by?: string },
  ): Promise<InputAnswer> {
    const { as, call, message, by, output } = body;
    const step = parseId("step instance", body.step);
    const prepared = output === undefined ? undefined : prepareInput(makeRunRef(tenant, run), output);
    if (prepared?.blob !== undefined) await this.parts.blobs.put(prepared.blob.key, prepared.blob.bytes);
    return this.ask(tenant, run, {
      kind: "resolve",
      id: parseId("input", body.input),
      at: this.now(),
      step,
      ...(call === undefined ? {} : { call }),
      as,
      ...(prepared === undefined ? {} : { output: prepared.value }),
      ...(message === undefined ? {} : { message }),
      ...(by === undefined ? {} : { by }),
    });
  }

  async get(tenant: TenantId, run: RunId): Promise<RunView> {
    return this.parts.queries.view(tenant, run);
  }

  async why(tenant: TenantId, run: RunId): Promise<WhyAnswer> {
    return this.parts.queries.why(tenant, run);
  }

  async plan(tenant: TenantId, run: RunId): Promise<Plan> {
    return this.parts.queries.plan(tenant, run);
  }

  async list(tenant: TenantId, filter: RunFilter): Promise<RunPage> {
    return listRuns(this.parts.listing, tenant, filter);
  }

  async events(
    tenant: TenantId,
    run: RunId,
    options: { readonly after?: string; readonly limit?: number },
  ): Promise<EventPage> {
    return pageOfEvents(this.parts.following, { tenant, run }, options);
  }

  async journal(tenant: TenantId, run: RunId, query: JournalQuery): Promise<JournalPage> {
    return pageOfJournal(this.parts.following, { tenant, run }, query);
  }

  async follow(tenant: TenantId, options: FollowRuns): Promise<void> {
    await follow(this.parts.following, tenant, options);
  }

  /** A refusal that the client caused is its error; "the run has ended" is an answer like any other. */
  async ask(tenant: TenantId, run: RunId, input: RunInput): Promise<InputAnswer> {
    const done = await new Promise<Done>((resolve) =>
      this.parts.door.enter({ tenant, from: "clients" }, resolve),
    );
    const answer = await this.submit(tenant, run, input).finally(done);
    if (answer.kind === "refused") throw refusalError(answer);
    return answer;
  }

  private now(): string {
    return instant(this.parts.world.clock.now());
  }
}
