import { type Appended, covers, laneOf, laneOfShard, type Position } from "@agentflow/bus";
import { type Decided, decide, emptyRun, type RunState } from "@agentflow/core/run";
import {
  AgentFlowError,
  type DefinitionHash,
  type InputAnswer,
  type RunId,
  type RunInput,
  type Shard,
  type TenantId,
} from "@agentflow/protocol";
import { sha256 } from "../registry/canonical.ts";
import type { EngineMetrics } from "../engine-metrics.ts";
import { answerEach } from "./answer-each.ts";
import { type Flight, Flights } from "./flights.ts";
import type { LogTail } from "../projector/log-tail.ts";
import type { HandOn } from "./hand-on.ts";
import { HotRuns } from "./hot-runs.ts";
import type { LoadedRun } from "./load-run.ts";
import { Newest } from "./newest.ts";
import { makeActor, type Parked, type Pending, planOf, type RunActor } from "./run-actor.ts";
import { archivedRun, keptChanging, mailboxFull, planMissing, shardMoved, stopping } from "./run-errors.ts";
import { type LoadedActor, loadUntilRead, type RunLoaderParts } from "./run-loader.ts";
import { makeRunRef, type RunRef } from "./run-ref.ts";
import { isStorageTrouble } from "./storage-trouble.ts";

export interface OrchestratorParts extends RunLoaderParts {
  readonly metrics: EngineMetrics;
  readonly handOn: HandOn;
  readonly tail: LogTail;
  /** True for a start whose run may have left the log long ago: asked before it is appended at 0. */
  readonly maybeArchived: (ref: RunRef) => boolean;
  /** Why an input is not taken up at all; undefined when it is. */
  readonly whyNot: (ref: RunRef, input: RunInput) => AgentFlowError | undefined;
  readonly onParked: (ref: RunRef, revision: number, parked: Parked) => void;
}

/** Load, decide, append, hand on: one mailbox a run, one append in flight a run. */
export class Orchestrator {
  readonly hot: HotRuns;
  readonly flights: Flights;
  private readonly parts: OrchestratorParts;
  /** Acknowledged after their shard had gone: no tail tells of what is our own. */
  private readonly late = new Newest();
  private dirty: RunActor[] = [];
  private scheduled = false;
  private busy = 0;
  private stopped = false;
  private whenIdle: (() => void)[] = [];

  constructor(parts: OrchestratorParts) {
    this.parts = parts;
    this.flights = new Flights(parts.log.lanes);
    this.hot = new HotRuns({ runs: parts.config.hotRunsMax, bytes: parts.config.hotBytesMax });
  }

  /** Into the run's mailbox; `answer` is called once the input is durable, or why it will not be. */
  submit(ref: RunRef, input: RunInput, answer: Pending["answer"]): void {
    if (this.stopped) return answer(stopping());
    const refusal = this.parts.whyNot(ref, input);
    if (refusal !== undefined) return answer(refusal);
    const actor = this.actor(ref);
    if (actor.waiting.length >= this.parts.config.mailboxMax) return answer(mailboxFull(ref));
    actor.waiting.push({ input, answer });
    this.ready(actor);
  }

  /** A run in memory has its reference ready. */
  refOf(tenant: TenantId, run: RunId): RunRef {
    return this.hot.get(`${tenant} ${run}`)?.ref ?? makeRunRef(tenant, run);
  }

  /** Takes a run up again: reads it from the log and hands on all that is open. */
  async takeUp(ref: RunRef): Promise<void> {
    const actor = this.actor(ref);
    if (actor.busy) return;
    await this.reload(actor);
  }

  /** The log has a commit that another owner wrote: it is read before anything is decided on the run. */
  seen(ref: RunRef, revision: number): void {
    const actor = this.actor(ref);
    if (actor.state !== undefined && actor.revision >= revision) return;
    actor.atLeast = Math.max(actor.atLeast, revision);
    actor.flights.push(this.flights.begin(laneOf(revision, this.parts.log.lanes), revision - 1));
    if (!actor.busy) void this.reload(actor);
  }

  /** The log lost its end: what was acknowledged above its heads is not there any more. */
  rewind(heads: Position): void {
    this.flights.rewind(heads);
    for (const actor of this.hot.all()) {
      if (covers(heads, actor.revision)) continue;
      actor.state = undefined;
      actor.plan = undefined;
      actor.atLeast = 0;
      if (!actor.busy) void this.reload(actor);
    }
  }

  /** These shards are another owner's: their runs are forgotten, and whoever waits for them asks there. */
  drop(shards: ReadonlySet<Shard>): void {
    for (const actor of this.hot.all()) {
      if (!shards.has(actor.ref.shard)) continue;
      this.hot.remove(actor);
      actor.dropped = true;
      this.answerAll(actor, shardMoved(actor.ref.shard));
    }
  }

  /** Refuses what comes; resolves once nothing is in flight and no mailbox waits. */
  async drain(): Promise<void> {
    this.stopped = true;
    if (this.busy === 0 && this.dirty.length === 0) return;
    await new Promise<void>((resolve) => this.whenIdle.push(resolve));
  }

  private actor(ref: RunRef): RunActor {
    const known = this.hot.get(ref.key);
    if (known !== undefined) return known;
    const actor = makeActor(ref, this.parts.world.clock.now());
    actor.atLeast = this.late.get(ref.key) ?? 0;
    this.hot.add(actor);
    return actor;
  }

  /** What one turn brings for a run is decided together. */
  private ready(actor: RunActor): void {
    if (actor.busy) return;
    this.dirty.push(actor);
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      const actors = this.dirty;
      this.dirty = [];
      for (const one of actors) this.turn(one);
      this.checkIdle();
    });
  }

  private turn(actor: RunActor): void {
    if (actor.busy || actor.waiting.length === 0) return;
    if (actor.dropped) return this.answerAll(actor, shardMoved(actor.ref.shard));
    if (actor.parked !== undefined) return this.refuseAll(actor, actor.parked);
    const state = actor.state ?? this.guess(actor);
    if (state === undefined) return void this.reload(actor);
    if (state.kind === "absent" && planOf(actor, state) === undefined) return this.answerAbsent(actor);
    actor.plan ??= this.peekPlan(actor, state);
    if (actor.plan === undefined) return void this.fetchPlan(actor, state);
    this.decide(actor, actor.plan, state);
  }

  /** A start of a run that was never seen is most likely its first: the fence says so if not. */
  private guess(actor: RunActor): RunState | undefined {
    if (actor.waiting[0]?.input.kind !== "start" || actor.rounds > 0) return undefined;
    return this.parts.maybeArchived(actor.ref) ? undefined : emptyRun;
  }

  private peekPlan(actor: RunActor, state: RunState): RunActor["plan"] {
    const hash = planOf(actor, state);
    return hash === undefined ? undefined : this.parts.plans.peek(actor.ref.tenant, hash);
  }

  private decide(actor: RunActor, plan: NonNullable<RunActor["plan"]>, state: RunState): void {
    const { config, metrics, world } = this.parts;
    metrics.mailboxDepth.observe(actor.waiting.length);
    const all = actor.waiting.length <= config.inputsPerCommitMax;
    let batch = all ? actor.waiting : actor.waiting.splice(0, config.inputsPerCommitMax);
    if (all) actor.waiting = [];
    const began = world.clock.monotonic();
    let decision: Decided;
    try {
      decision = decide(
        plan,
        state,
        batch.map(({ input }) => input),
        { run: actor.ref.run, hash: sha256 },
      );
    } catch (error) {
      actor.waiting = [...batch, ...actor.waiting];
      const { message } = AgentFlowError.from(error, "deciding");
      return this.park(actor, { reason: "assertion", message });
    }
    metrics.decideMs.observe(world.clock.monotonic() - began);
    if (decision.answers.length < batch.length) {
      // The commit is full: the rest is decided on the state that it leaves.
      actor.waiting = [...batch.slice(decision.answers.length), ...actor.waiting];
      batch = batch.slice(0, decision.answers.length);
    }
    if (decision.commit !== undefined) return this.append(actor, batch, decision);
    if (actor.state === undefined) {
      // Nothing is concluded from a guess.
      actor.waiting = [...batch, ...actor.waiting];
      return void this.reload(actor);
    }
    answerEach(batch, decision, actor.revision);
    this.settled(actor);
  }

  private append(actor: RunActor, batch: readonly Pending[], decision: Decided): void {
    const { log, world, metrics, tail } = this.parts;
    const { commit } = decision;
    if (commit === undefined) return;
    const body = JSON.stringify(commit);
    const { subject } = actor.ref;
    const began = world.clock.monotonic();
    const flight = this.flights.begin(laneOfShard(actor.ref.shard, log.lanes));
    this.begin(actor);
    metrics.inputsPerCommit.observe(batch.length);
    tail.appending(subject, body, commit);
    log.append(subject, body, { expect: actor.revision }).then(
      (appended) => {
        metrics.appendMs.observe(world.clock.monotonic() - began);
        tail.appended(subject, appended.ok ? appended.revision : undefined);
        if (appended.ok) this.acknowledged(actor, batch, { decision, appended, bytes: body.length });
        else this.lost(actor, batch, "wrong_revision");
        this.land(actor, flight, appended.ok);
      },
      (error: unknown) => {
        tail.appended(subject, undefined);
        this.appendFailed(actor, batch, AgentFlowError.from(error, "appending a commit"));
        this.land(actor, flight, false);
      },
    );
  }

  /** A commit whose fate is not known stays in flight until the run was read again. */
  private land(actor: RunActor, flight: Flight, known: boolean): void {
    if (known || actor.state !== undefined || actor.dropped) this.flights.land(flight);
    else actor.flights.push(flight);
    this.end(actor);
  }

  private acknowledged(
    actor: RunActor,
    batch: readonly Pending[],
    { decision, appended, bytes }: { decision: Decided; appended: Appended; bytes: number },
  ): void {
    const { commit, state } = decision;
    if (commit === undefined) return;
    const { revision } = appended;
    if (actor.dropped) {
      // What it led to is for the new owner to hand on, who finds it in the log; that may be us again.
      this.late.set(actor.ref.key, revision);
      if (this.hot.get(actor.ref.key) !== undefined) this.seen(actor.ref, revision);
      return answerEach(batch, decision, revision);
    }
    actor.state = state;
    actor.revision = revision;
    actor.rounds = 0;
    actor.lastMs = this.parts.world.clock.now();
    this.hot.touch(actor, actor.bytes + bytes);
    this.parts.handOn.commit({ ref: actor.ref, state, commit, revision, bytes });
    this.flights.ack(revision);
    answerEach(batch, decision, revision);
  }

  private appendFailed(actor: RunActor, batch: readonly Pending[], error: AgentFlowError): void {
    if (error.code === "unavailable" || error.code === "timeout") return this.lost(actor, batch, error);
    // The log said no for certain: nothing was written, the state stands.
    if (error.code === "internal") this.parts.say.error("a commit was refused by the log", { error });
    for (const { answer } of batch) answer(error);
  }

  /** Lost the race, or the answer: the inputs wait in front until the run was read again. */
  private lost(actor: RunActor, batch: readonly Pending[], why: AgentFlowError | "wrong_revision"): void {
    this.parts.metrics.reloads.add();
    actor.rounds++;
    actor.state = undefined;
    actor.plan = undefined;
    // A disk that is full or broken is not asked again and again while whoever asks waits.
    const isHopeless = why !== "wrong_revision" && isStorageTrouble(why);
    if (actor.rounds <= this.parts.config.decideRounds && !isHopeless) {
      actor.waiting = [...batch, ...actor.waiting];
      return;
    }
    actor.rounds = 0;
    const error = why === "wrong_revision" ? keptChanging(actor.ref) : why;
    for (const { answer } of batch) answer(error);
  }

  private async reload(actor: RunActor): Promise<void> {
    this.begin(actor);
    // Those that come while it is read may not be in what is read.
    const flights = actor.flights.splice(0);
    const loaded = await loadUntilRead(this.parts, actor, () => this.stopped || actor.dropped);
    if (actor.dropped) this.answerAll(actor, shardMoved(actor.ref.shard));
    else if (loaded !== undefined) this.loaded(actor, loaded);
    else this.refuseWith(actor, stopping());
    for (const flight of flights) this.flights.land(flight);
    this.end(actor);
  }

  private loaded(actor: RunActor, loaded: LoadedActor): void {
    if (loaded.archived) return this.refuseWith(actor, archivedRun(actor.ref));
    actor.state = loaded.state;
    actor.revision = loaded.revision;
    this.hot.touch(actor, loaded.bytes);
    this.flights.ack(loaded.revision);
    if (loaded.parked !== undefined) return this.park(actor, loaded.parked);
    if (actor.plan !== undefined || loaded.state.kind === "ended") {
      this.reopen(actor, loaded);
    }
  }

  private reopen(actor: RunActor, loaded: LoadedRun): void {
    try {
      this.parts.handOn.open({ ref: actor.ref, state: loaded.state, plan: actor.plan, loaded });
    } catch (error) {
      const { message } = AgentFlowError.from(error, "working out what is open");
      this.park(actor, { reason: "assertion", message });
    }
  }

  private async fetchPlan(actor: RunActor, state: RunState): Promise<void> {
    const hash = planOf(actor, state);
    if (hash === undefined) return;
    this.begin(actor);
    try {
      actor.plan = await this.parts.plans.get(actor.ref.tenant, hash);
      if (actor.plan === undefined) this.noPlan(actor, state, hash);
    } catch (error) {
      this.refuseWith(actor, AgentFlowError.from(error, "reading a plan"));
    }
    this.end(actor);
  }

  private noPlan(actor: RunActor, state: RunState, hash: DefinitionHash): void {
    const parked = planMissing(hash);
    if (state.kind !== "absent") return this.park(actor, parked);
    this.refuseWith(actor, new AgentFlowError("not_found", parked.message, { reason: parked.reason }));
  }

  private park(actor: RunActor, parked: Parked): void {
    this.parts.metrics.runsParked.of({ reason: parked.reason }).add();
    const { tenant, run } = actor.ref;
    const say = this.parts.say.child({ tenant, run });
    say.error(`run parked: ${parked.message}`, { reason: parked.reason });
    actor.parked = parked;
    this.parts.onParked(actor.ref, actor.revision, parked);
    this.refuseAll(actor, parked);
  }

  private refuseAll(actor: RunActor, { reason, message }: Parked): void {
    const { revision } = actor;
    this.answerAll(actor, { v: 1, kind: "refused", reason: `run_${reason}`, message, revision });
  }

  private answerAbsent(actor: RunActor): void {
    const message = `there is no run ${actor.ref.run}`;
    this.answerAll(actor, { v: 1, kind: "refused", reason: "run_not_found", message });
    this.hot.remove(actor);
  }

  private refuseWith(actor: RunActor, error: AgentFlowError): void {
    this.answerAll(actor, error);
    if (!actor.dropped) this.hot.remove(actor);
  }

  private answerAll(actor: RunActor, given: InputAnswer | AgentFlowError): void {
    const waiting = actor.waiting;
    actor.waiting = [];
    for (const { answer } of waiting) answer(given);
  }

  private begin(actor: RunActor): void {
    actor.busy = true;
    this.busy++;
  }

  private end(actor: RunActor): void {
    actor.busy = false;
    this.busy--;
    this.settled(actor);
    this.checkIdle();
  }

  private settled(actor: RunActor): void {
    if (actor.dropped) return this.settledElsewhere(actor);
    // An append whose fate is not known: what it led to must be handed on, though nobody asks any more.
    if (actor.flights.length > 0 && !this.stopped) return void this.reload(actor);
    if (actor.waiting.length > 0) return this.ready(actor);
    // What is parked is kept in mind: else each look at silent runs would read it, and say so, again.
    const isActive = actor.state?.kind === "active" || actor.parked !== undefined;
    if (!isActive) this.hot.remove(actor);
  }

  private settledElsewhere(actor: RunActor): void {
    for (const flight of actor.flights.splice(0)) this.flights.land(flight);
    this.answerAll(actor, shardMoved(actor.ref.shard));
  }

  private checkIdle(): void {
    if (this.busy > 0 || this.dirty.length > 0) return;
    for (const resolve of this.whenIdle.splice(0)) resolve();
  }
}
