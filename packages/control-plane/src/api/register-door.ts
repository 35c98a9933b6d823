/** Registering over the bus: what is behind `POST /v1/workflows`, for an identity instead of a key. */
import type { Stop, Wire } from "@agentflow/bus";
import { sleep, type Timers } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import {
  AgentFlowError,
  parseRegSubject,
  prefixes,
  registerLimits,
  type RegisterReply,
  type RegisterRequest,
  type TenantId,
} from "@agentflow/protocol";
import type { Audit } from "../auth/audit.ts";
import type { EngineRegistry } from "../engine-api.ts";
import { parseRegisterRequest } from "./parse-register.ts";

export interface RegisterDoorParts {
  readonly wire: Wire;
  readonly registry: EngineRegistry;
  readonly audit: Audit;
  readonly say: Log;
  readonly timers: Timers;
}

/** As the audit trail names who comes by this door: the bus has proven the identity, by its permissions. */
const by = "register";

/** Any control plane answers; the result ends it. A bus that is away just now is asked again. */
export function serveRegister(parts: RegisterDoorParts): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const serving = begin(parts, stopped.signal);
  return {
    async stop() {
      stopped.abort();
      await (await serving)?.stop();
    },
  };
}

const beginAgainMs = 1_000;

async function begin(parts: RegisterDoorParts, signal: AbortSignal): Promise<Stop | undefined> {
  while (!signal.aborted) {
    try {
      return await parts.wire.serve(prefixes.reg, async (body, subject) => {
        const tenant = parseRegSubject(subject);
        if (tenant === undefined) throw new AgentFlowError("invalid_input", `${subject} registers nothing`);
        return JSON.stringify(await answer(parts, tenant, body));
      });
    } catch (error) {
      parts.say.debug("registering over the bus is not served yet; trying again", { error });
      await sleep(parts.timers, beginAgainMs, signal);
    }
  }
  return undefined;
}

async function answer(parts: RegisterDoorParts, tenant: TenantId, body: string): Promise<RegisterReply> {
  let request: RegisterRequest;
  try {
    request = parseRegisterRequest(body, tenant);
  } catch (error) {
    if (AgentFlowError.is(error) && error.code === "forbidden") {
      parts.say.warn("a wish to register for another tenant was refused", { tenant });
      parts.audit.note({ by, did: "registerWorkflow", outcome: "refused", reason: error.reason, tenant });
    }
    throw error;
  }
  switch (request.kind) {
    case "register":
      return register(parts, tenant, request);
    case "remove_gone":
      return removeGone(parts, tenant, request);
    default:
      return { v: 1, kind: "workers", workers: workersOf(parts.registry, tenant) };
  }
}

async function register(
  { registry, audit }: RegisterDoorParts,
  tenant: TenantId,
  request: Extract<RegisterRequest, { kind: "register" }>,
): Promise<RegisterReply> {
  const { definition, build, strict, project } = request;
  const view = await registry.register(
    tenant,
    {
      definition,
      ...(build === undefined ? {} : { build }),
      ...(strict === undefined ? {} : { strict }),
    },
    project === undefined ? {} : { project },
  );
  await audit.write(tenant, { by, did: "registerWorkflow", outcome: "done", to: view.name });
  return {
    v: 1,
    kind: "registered",
    workflow: view.name,
    version: view.version,
    ...(view.build === undefined ? {} : { build: view.build }),
    findings: view.findings.slice(0, registerLimits.findingsMax),
  };
}

async function removeGone(
  { registry, audit }: RegisterDoorParts,
  tenant: TenantId,
  { workflows, unreadable }: Extract<RegisterRequest, { kind: "remove_gone" }>,
): Promise<RegisterReply> {
  const removed = await registry.keepOnly(tenant, { workflows, unreadable });
  for (const to of removed) await audit.write(tenant, { by, did: "removeWorkflow", outcome: "done", to });
  return { v: 1, kind: "removed", workflows: removed };
}

function workersOf(registry: EngineRegistry, tenant: TenantId) {
  const alive = registry.listWorkers(tenant).filter((worker) => worker.alive);
  return alive.slice(0, registerLimits.workersMax).map(({ worker, pool, build, manifest }) => ({
    worker,
    pool,
    build,
    ...(manifest === undefined ? {} : { code: manifest.code }),
  }));
}
