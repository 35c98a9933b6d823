import type { Stop as WireStop, Wire } from "@agentflow/bus";
import {
  AgentFlowError,
  type InputAnswer,
  type InputRequest,
  parseInSubject,
  prefixes,
  parseId,
  type RunId,
  type RunInput,
  subjects,
  type TenantId,
} from "@agentflow/protocol";
import type { Log } from "@agentflow/host/log";
import type { EngineConfig } from "../engine-config.ts";
import type { Orchestrator } from "./orchestrator.ts";
import type { Ownership } from "./ownership.ts";
import { foreignTenant, parseInputAnswer, parseInputRequest } from "./parse-input.ts";
import type { Pending } from "./run-actor.ts";
import type { RunRef } from "./run-ref.ts";

export interface RouterParts {
  readonly wire: Wire;
  readonly ownership: Ownership;
  readonly orchestrator: Orchestrator;
  readonly config: EngineConfig;
  readonly say: Log;
  /** An input that speaks of another tenant than the subject it came on. */
  readonly onMismatch: (of: Mismatch) => void;
}

export interface Mismatch {
  readonly tenant: TenantId;
  readonly foreign: string;
  readonly run: RunId;
}

/**
 * Brings inputs to the owner of their shard: a local call here, a request elsewhere. Serves our own
 * shards.
 */
export class Router {
  private readonly parts: RouterParts;
  private serving: WireStop[] = [];

  constructor(parts: RouterParts) {
    this.parts = parts;
  }

  submit(ref: RunRef, input: RunInput, answer: Pending["answer"]): void {
    if (this.parts.ownership.owns(ref.shard)) return this.parts.orchestrator.submit(ref, input, answer);
    void this.forward(ref, input).then(answer, (error: unknown) => {
      answer(AgentFlowError.from(error, "asking the owner of the run"));
    });
  }

  async serve(): Promise<void> {
    const { wire, ownership } = this.parts;
    const shards = ownership.shards.map((shard) => parseId("shard", shard));
    this.serving = await Promise.all(
      shards.map((shard) => wire.serve(prefixes.in(shard), (body, subject) => this.answer(body, subject))),
    );
  }

  /** Not before what was open is taken up again, and not after the stop. */
  get isServing(): boolean {
    return this.serving.length > 0;
  }

  async stop(): Promise<void> {
    await Promise.all(this.serving.splice(0).map((one) => one.stop()));
  }

  /** The tenant is the subject's: what the body says of itself is not asked, and refused when it differs. */
  private answer(body: string, subject: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const to = parseInSubject(subject);
      if (to === undefined) throw new AgentFlowError("invalid_input", `${subject} is no subject of inputs`);
      const request = parseInputRequest(body);
      const { run, input } = request;
      const foreign = foreignTenant(request, to.tenant);
      if (foreign !== undefined) {
        this.parts.say.warn("an input of another tenant was refused", { tenant: to.tenant, foreign, run });
        this.parts.onMismatch({ tenant: to.tenant, foreign, run });
        throw otherTenant(to.tenant);
      }
      const ref = this.parts.orchestrator.refOf(to.tenant, run);
      if (ref.shard !== to.shard) throw wrongShard(ref, to.shard);
      this.parts.orchestrator.submit(ref, input, (given) => {
        if ("code" in given) reject(given);
        else resolve(JSON.stringify(given));
      });
    });
  }

  private async forward(ref: RunRef, input: RunInput): Promise<InputAnswer> {
    const { wire, config } = this.parts;
    const request: InputRequest = { v: 1, kind: "input", run: ref.run, input };
    const subject = subjects.in({ shard: ref.shard, tenant: ref.tenant });
    const timeoutMs = config.forwardTimeoutMs;
    return parseInputAnswer(await wire.request(subject, JSON.stringify(request), { timeoutMs }));
  }
}

function otherTenant(own: TenantId): AgentFlowError {
  const message = `an input of ${own} that speaks of another tenant`;
  return new AgentFlowError("forbidden", message, { reason: "tenant_mismatch" });
}

function wrongShard({ run, shard }: RunRef, asked: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `run ${run} is of shard ${shard}, not ${asked}`, {
    reason: "wrong_shard",
  });
}
