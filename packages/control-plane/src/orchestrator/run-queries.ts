import type { Bus } from "@agentflow/bus";
import { explainRun, needsPerson, viewApprovals, viewRun } from "@agentflow/core/run";
import type { World } from "@agentflow/host/clock";
import {
  AgentFlowError,
  type ApprovalView,
  type Failure,
  instant,
  isInline,
  type Plan,
  type RunId,
  type RunView,
  type TenantId,
  type Value,
  type WhyAnswer,
  type WhyReason,
} from "@agentflow/protocol";
import type { Dispatcher } from "../dispatcher/dispatcher.ts";
import type { Workers } from "../registry/workers.ts";
import type { Histories } from "./history.ts";
import { type LoadedRun, loadHistory } from "./load-run.ts";
import type { Orchestrator } from "./orchestrator.ts";
import type { Plans } from "./plans.ts";
import { noSuchRun } from "./refusal.ts";
import type { Parked } from "./run-actor.ts";
import { fetchValue } from "./run-end.ts";
import { makeRunRef, type RunRef } from "./run-ref.ts";
import type { Standing } from "./starts.ts";

export interface RunQueriesParts {
  readonly bus: Bus;
  readonly world: World;
  readonly plans: Plans;
  readonly archive: Histories;
  readonly orchestrator: Orchestrator;
  readonly dispatcher: Dispatcher;
  readonly workers: Workers;
}

/** What a run is, worked out from its history wherever that lies; never from the read model. */
export class RunQueries {
  private readonly parts: RunQueriesParts;

  constructor(parts: RunQueriesParts) {
    this.parts = parts;
  }

  /** Undefined when there is no such run. */
  async standing(ref: RunRef): Promise<Standing | undefined> {
    const loaded = await this.load(ref);
    const { state, revision } = loaded;
    if (state.kind === "ended") return { kind: "told", outcome: { revision, event: state.end } };
    const parked = this.parkedOf(ref, loaded);
    if (parked !== undefined) return { kind: "parked", revision, failure: failureOf(parked) };
    if (state.kind === "absent") return undefined;
    const event = needsPerson(state);
    return event === undefined
      ? { kind: "running", revision }
      : { kind: "told", outcome: { revision, event } };
  }

  /** Steps stand in the plan's order; input and output are whole up to 8 MiB, also when they are blobs. */
  async view(tenant: TenantId, run: RunId): Promise<RunView> {
    const ref = makeRunRef(tenant, run);
    const loaded = await this.load(ref);
    const { state, revision } = loaded;
    const parked = this.parkedOf(ref, loaded);
    if (state.kind === "absent") throw parked === undefined ? noSuchRun(run) : unreadable(run, parked);
    const prepared = await this.parts.plans.get(tenant, state.started.plan);
    const plan = prepared === undefined ? {} : { plan: prepared.plan };
    const view = viewRun(loaded.commits, { run, ...plan });
    const input = await this.fetched(state.started.input);
    const end = state.kind === "ended" && state.end.kind === "run_completed" ? state.end : undefined;
    const output = end === undefined ? undefined : await this.fetched(end.output);
    return {
      ...view,
      revision,
      ...(input === undefined ? {} : { input }),
      ...(output === undefined ? {} : { output }),
      ...(parked === undefined ? {} : { status: "parked", failure: failureOf(parked) }),
    };
  }

  async why(tenant: TenantId, run: RunId): Promise<WhyAnswer> {
    const ref = makeRunRef(tenant, run);
    const loaded = await this.load(ref);
    const { state } = loaded;
    const parked = this.parkedOf(ref, loaded);
    if (parked !== undefined) return answerOf(run, "parked", [parkedReason(run, parked)]);
    if (state.kind === "absent") throw noSuchRun(run);
    const plan = await this.parts.plans.get(tenant, state.started.plan);
    const { build } = state.started;
    if (plan === undefined) {
      const missing: Parked = { reason: "plan_missing", message: "the plan of this run is not stored" };
      return { ...answerOf(run, "parked", [parkedReason(run, missing)]), build };
    }
    const { dispatcher, workers, world } = this.parts;
    const now = instant(world.clock.now());
    const context = { run, now, workers: workers.list(tenant), backlog: dispatcher.backlogOf(ref) };
    const reasons = explainRun(state, plan, context);
    return { ...answerOf(run, viewRun(loaded.commits, { run }).status, reasons), build };
  }

  /** Everything that was asked in a run; empty where there is none such. */
  async approvals(tenant: TenantId, run: RunId): Promise<readonly ApprovalView[]> {
    const { commits, state } = await this.load(makeRunRef(tenant, run));
    return state.kind === "absent" ? [] : viewApprovals(commits, { run });
  }

  /** The plan that the run walks, as it was compiled when the run began. */
  async plan(tenant: TenantId, run: RunId): Promise<Plan> {
    const { state } = await this.load(makeRunRef(tenant, run));
    if (state.kind === "absent") throw noSuchRun(run);
    const prepared = await this.parts.plans.get(tenant, state.started.plan);
    if (prepared !== undefined) return prepared.plan;
    throw new AgentFlowError("not_found", `the plan of run ${run} is not stored`, { reason: "plan_missing" });
  }

  private parkedOf(ref: RunRef, loaded: LoadedRun): Parked | undefined {
    return loaded.parked ?? this.parts.orchestrator.hot.get(ref.key)?.parked;
  }

  /** Undefined for a value that stands in the record itself. */
  private async fetched(value: Value) {
    return isInline(value) ? undefined : fetchValue(this.parts.bus.blobs, value);
  }

  private async load(ref: RunRef): Promise<LoadedRun> {
    return loadHistory(await this.parts.archive.read(ref.tenant, ref.run));
  }
}

function answerOf(run: RunId, status: RunView["status"], reasons: readonly WhyReason[]): WhyAnswer {
  const headline = reasons[0]?.message ?? "it waits for nothing";
  return { run, status, headline, reasons };
}

function failureOf({ reason, message }: Parked): Failure {
  return { code: reason, message };
}

function parkedReason(run: RunId, { message }: Parked): WhyReason {
  return { reason: "incompatible", message, command: `af run get ${run}` };
}

function unreadable(run: RunId, { message }: Parked): AgentFlowError {
  return new AgentFlowError("refused", `run ${run} cannot be shown: ${message}`, {
    reason: "run_incompatible",
  });
}
