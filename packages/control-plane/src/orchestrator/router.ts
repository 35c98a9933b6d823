import type { Stop as WireStop, Table, Wire } from "@agentflow/bus";
import {
  AgentFlowError,
  type InputAnswer,
  type InputRequest,
  isId,
  parseInSubject,
  prefixes,
  type RunId,
  type RunInput,
  type Shard,
  subjects,
  type TenantId,
} from "@agentflow/protocol";
import type { Log } from "@agentflow/host/log";
import { sleep, type World } from "@agentflow/host/clock";
import type { EngineConfig } from "../engine-config.ts";
import type { Orchestrator } from "./orchestrator.ts";
import type { Ownership } from "./ownership.ts";
import type { Asking, FairDoor } from "./fair-door.ts";
import { foreignTenant, parseInputAnswer, parseInputRequest } from "./parse-input.ts";
import type { Pending } from "./run-actor.ts";
import { PeerProof } from "./peer-proof.ts";
import { forwardsFull, noOwner, shardMoved, stopping } from "./run-errors.ts";
import type { RunRef } from "./run-ref.ts";

export interface RouterParts {
  readonly wire: Wire;
  readonly table: Table;
  readonly world: World;
  readonly ownership: Pick<Ownership, "owns" | "trouble">;
  readonly orchestrator: Orchestrator;
  readonly door: FairDoor;
  readonly config: EngineConfig;
  readonly say: Log;
  /** Sends a run's open tasks again: what the queue still holds stays as it is. */
  readonly resend: (ref: RunRef) => void;
  /** An input that speaks of another tenant than the subject it came on, or that only clients may ask for. */
  readonly onMismatch: (of: Mismatch) => void;
}

export interface Mismatch {
  readonly tenant: TenantId;
  /** The tenant that it speaks of; absent when it is what only clients may ask for. */
  readonly foreign?: string;
  readonly run: RunId;
  /** As it calls itself. */
  readonly worker: string | undefined;
}

/**
 * Brings inputs to the owner of their shard: a local call here, a request elsewhere. Serves our own
 * shards.
 */
export class Router {
  private readonly parts: RouterParts;
  private readonly serving = new Map<Shard, WireStop>();
  private readonly stopped = new AbortController();
  private readonly proof: PeerProof;
  private forwards = 0;

  constructor(parts: RouterParts) {
    this.parts = parts;
    this.proof = new PeerProof({ table: parts.table, random: parts.world.random });
  }

  submit(ref: RunRef, input: RunInput, answer: Pending["answer"]): void {
    if (this.parts.ownership.owns(ref.shard)) return this.decide(ref, input, answer);
    if (this.forwards >= this.parts.config.forwardsMax) return answer(forwardsFull(this.forwards));
    void this.pass(ref, input, answer);
  }

  /** Resolves once all of them are served, or are not ours any more. */
  async serve(shards: readonly Shard[]): Promise<void> {
    await Promise.all(shards.map((shard) => this.serveOne(shard)));
  }

  async unserve(shards: Iterable<Shard>): Promise<void> {
    const stops: Promise<void>[] = [];
    for (const shard of shards) {
      const one = this.serving.get(shard);
      this.serving.delete(shard);
      if (one !== undefined) stops.push(one.stop());
    }
    await Promise.all(stops);
  }

  /** From now on what starts work is refused, wherever it would go. */
  close(): void {
    this.stopped.abort();
    this.parts.door.open();
  }

  /** An only owner serves once what was open is taken up again; nobody does after the stop. */
  get isServing(): boolean {
    return this.serving.size > 0;
  }

  async stop(): Promise<void> {
    this.close();
    await this.unserve([...this.serving.keys()]);
  }

  private async serveOne(shard: Shard): Promise<void> {
    const { wire, ownership, world, config } = this.parts;
    const { signal } = this.stopped;
    while (ownership.owns(shard) && !this.serving.has(shard) && !signal.aborted) {
      try {
        const stop = await wire.serve(prefixes.in(shard), (body, subject) => this.answer(body, subject));
        // It went while we asked, or came back meanwhile and is served already.
        if (!ownership.owns(shard) || this.serving.has(shard)) await stop.stop();
        else this.serving.set(shard, stop);
      } catch {
        await sleep(world.timers, config.reloadPauseMs * 5, signal);
      }
    }
  }

  /** The tenant is the subject's: what the body says of itself is not asked, and refused when it differs. */
  private async answer(body: string, subject: string): Promise<string> {
    const to = parseInSubject(subject);
    if (to === undefined) throw new AgentFlowError("invalid_input", `${subject} is no subject of inputs`);
    const request = parseInputRequest(body);
    const { run, input, proof } = request;
    if (PeerProof.isNeededFor(input)) {
      const ref = this.parts.orchestrator.refOf(to.tenant, run);
      if (!(await this.proof.holds(ref, input, proof))) throw this.unproven(to.tenant, request);
    }
    return new Promise((resolve, reject) => {
      const foreign = foreignTenant(request, to.tenant);
      if (foreign !== undefined) {
        this.parts.say.warn("an input of another tenant was refused", { tenant: to.tenant, foreign, run });
        const worker = "worker" in input && isId("worker", input.worker) ? input.worker : undefined;
        this.parts.onMismatch({ tenant: to.tenant, foreign, run, worker });
        throw otherTenant(to.tenant);
      }
      const ref = this.parts.orchestrator.refOf(to.tenant, run);
      if (ref.shard !== to.shard) throw wrongShard(ref, to.shard);
      this.parts.door.enter({ tenant: to.tenant, from: fromOf(input) }, (done) => {
        const isOurs = this.parts.ownership.owns(ref.shard);
        if (!isOurs) reject(shardMoved(ref.shard));
        if (!isOurs) return done();
        this.decide(ref, input, (given) => {
          done();
          if ("code" in given) reject(given);
          else resolve(JSON.stringify(given));
        });
      });
    });
  }

  private unproven(tenant: TenantId, { run, input }: InputRequest): AgentFlowError {
    this.parts.say.warn("an input that only clients may ask for was refused", {
      tenant,
      run,
      kind: input.kind,
    });
    this.parts.onMismatch({ tenant, run, worker: undefined });
    const message = `a ${input.kind} comes through the API, not from a worker`;
    return new AgentFlowError("forbidden", message, { reason: notPeer });
  }

  private async pass(ref: RunRef, input: RunInput, answer: Pending["answer"]): Promise<void> {
    this.forwards++;
    let given: InputAnswer | AgentFlowError;
    try {
      given = await this.forward(ref, input);
    } catch (error) {
      given = AgentFlowError.from(error, "asking the owner of the run");
    }
    this.forwards--;
    answer(given);
  }

  /**
   * Asked again until the time is over: while a shard changes hands nobody answers for it, or somebody who
   * sleeps. The same input twice is one, by its id.
   */
  private async forward(ref: RunRef, input: RunInput): Promise<InputAnswer> {
    const { wire, config, world, ownership } = this.parts;
    const bare: InputRequest = { v: 1, kind: "input", run: ref.run, input };
    const subject = subjects.in({ shard: ref.shard, tenant: ref.tenant });
    const until = world.clock.monotonic() + config.forwardTimeoutMs;
    let asked = false;
    for (let pauseMs = pauseMsMin; ; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
      if (this.stopped.signal.aborted) throw stopping();
      if (ownership.trouble !== undefined) throw ownership.trouble;
      const leftMs = until - world.clock.monotonic();
      try {
        if (ownership.owns(ref.shard)) return await this.local(ref, input);
        const timeoutMs = Math.max(1, Math.min(leftMs, config.forwardTryMs));
        const request = PeerProof.isNeededFor(input)
          ? { ...bare, proof: await this.proof.of(ref, input) }
          : bare;
        return parseInputAnswer(await wire.request(subject, JSON.stringify(request), { timeoutMs }));
      } catch (error) {
        const known = AgentFlowError.from(error, "asking the owner of the run");
        // The other has a key that was made since ours was read: read it again, and ask once more.
        const isOldKey: boolean = known.reason === notPeer && !asked;
        if (isOldKey) this.proof.forget();
        asked ||= isOldKey;
        const isPassing = isOldKey || known.code === "unavailable" || known.code === "timeout";
        if (!isPassing) throw known;
        if (until - world.clock.monotonic() <= pauseMs) {
          throw known.code === "timeout" ? known : noOwner(ref.shard, known);
        }
      }
      await sleep(world.timers, pauseMs * (0.5 + world.random.number() / 2), this.stopped.signal);
    }
  }

  /** By the owner of its shard. What a nudge asks to be sent again goes out once the run was looked at. */
  private decide(ref: RunRef, input: RunInput, answer: Pending["answer"]): void {
    const { orchestrator, resend } = this.parts;
    if (input.kind !== "nudge" || input.resend !== true) return orchestrator.submit(ref, input, answer);
    orchestrator.submit(ref, input, (given) => {
      if (!("code" in given)) resend(ref);
      answer(given);
    });
  }

  private local(ref: RunRef, input: RunInput): Promise<InputAnswer> {
    return new Promise((resolve, reject) => {
      this.decide(ref, input, (given) => {
        if ("code" in given) reject(given);
        else resolve(given);
      });
    });
  }
}

/** What clients ask for comes over the wire from another control plane, which passes it on. */
function fromOf(input: RunInput): Asking["from"] {
  return PeerProof.isNeededFor(input) ? "peers" : "workers";
}

const notPeer = "not_a_control_plane";
const pauseMsMin = 25;
const pauseMsMax = 400;

function otherTenant(own: TenantId): AgentFlowError {
  const message = `an input of ${own} that speaks of another tenant`;
  return new AgentFlowError("forbidden", message, { reason: "tenant_mismatch" });
}

function wrongShard({ run, shard }: RunRef, asked: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `run ${run} is of shard ${shard}, not ${asked}`, {
    reason: "wrong_shard",
  });
}
