/** Registers over NATS, as the identity that may do that and nothing else. */
import type { BusSettings } from "@agentflow/host/settings";
import {
  AgentFlowError,
  type BuildId,
  registerLimits,
  type RegisterReply,
  type RegisterRequest,
  subjects,
  type TenantId,
} from "@agentflow/protocol";
import { orFindings, type Registrar } from "../project/registrar.ts";
import { parseRegisterReply } from "./parse-register-reply.ts";
import { natsAddress } from "./services/nats-address.ts";

export interface BusRegistrarOptions {
  /** Where the bus is and who comes: what stands in the flags, and nothing from elsewhere. */
  readonly bus: BusSettings;
  readonly tenant: TenantId;
  readonly build: BuildId | undefined;
  /** What is registered may be found gone by `removeGone` later. */
  readonly isOfProject: boolean;
}

export interface BusRegistrar extends Registrar {
  close(): Promise<void>;
}

const answerWithinMs = 15_000;

/** Throws what keeps it from the bus; nothing is asked yet. */
export async function openBusRegistrar(options: BusRegistrarOptions): Promise<BusRegistrar> {
  const { bus, tenant, build, isOfProject } = options;
  const { openNatsWire } = await import("@agentflow/bus/nats");
  const { wire, close } = await openNatsWire({ ...natsAddress(bus), name: "agentflow register" });
  const subject = subjects.reg(tenant);
  const ask = async (request: RegisterRequest): Promise<RegisterReply> => {
    const body = JSON.stringify(request);
    if (body.length > registerLimits.requestCharsMax) throw tooBig(request, body.length);
    try {
      return parseRegisterReply(await wire.request(subject, body, { timeoutMs: answerWithinMs }));
    } catch (error) {
      throw explained(AgentFlowError.from(error, "registering over the bus"), tenant);
    }
  };
  return {
    register: (definition, { file }) =>
      orFindings(async () => {
        const reply = await ask({
          v: 1,
          kind: "register",
          definition,
          ...(build === undefined ? {} : { build }),
          ...(isOfProject ? { project: file === undefined ? {} : { file } } : {}),
        });
        if (reply.kind !== "registered") throw otherReply(reply);
        const { version, findings } = reply;
        return { version, found: findings, ...(reply.build === undefined ? {} : { build: reply.build }) };
      }),
    async removeGone({ files, workflows }, definitions) {
      const read = new Set(workflows.map(({ file }) => file));
      const reply = await ask({
        v: 1,
        kind: "remove_gone",
        workflows: definitions.map(({ definition }) => definition.name),
        unreadable: [...files.keys()].filter((file) => !read.has(file)),
      });
      if (reply.kind !== "removed") throw otherReply(reply);
      return reply.workflows;
    },
    async workers() {
      const reply = await ask({ v: 1, kind: "workers" });
      if (reply.kind !== "workers") throw otherReply(reply);
      return reply.workers;
    },
    close,
  };
}

/** Who hears nothing back is told what that may mean: an older control plane listens to no such subject. */
function explained(error: AgentFlowError, tenant: TenantId): AgentFlowError {
  const isSilence = error.reason === "no_responders" || error.code === "timeout";
  if (error.code !== "unavailable" && !isSilence) return error;
  if (error.reason === "newer_version") return error;
  const message = `no control plane answers who registers for ${tenant} over the bus`;
  return new AgentFlowError(error.code, message, {
    reason: "register_unanswered",
    details: { tenant, asked: subjects.reg(tenant) },
    suggestions: [
      "is a control plane up? af server",
      "one of an older release does not know this: upgrade it first",
      "auth.conf of an older release does not let it listen: af bus credentials DIR --add, then reload NATS",
    ],
    cause: error,
  });
}

function tooBig(request: RegisterRequest, chars: number): AgentFlowError {
  const what = request.kind === "register" ? `workflow ${request.definition.name}` : "this project";
  const { requestCharsMax } = registerLimits;
  return new AgentFlowError("limit_exceeded", `${what} is over ${requestCharsMax} characters`, {
    reason: "request_too_big",
    details: { chars, charsMax: requestCharsMax },
  });
}

function otherReply({ kind }: RegisterReply): AgentFlowError {
  return new AgentFlowError("internal", `the control plane answered with ${kind}`, {
    reason: "answer_unknown",
  });
}
