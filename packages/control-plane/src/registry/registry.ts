import type { Bus } from "@agentflow/bus";
import { sleep, type World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import {
  AgentFlowError,
  type CallableView,
  type Finding,
  instant,
  isId,
  type Plan,
  parseId,
  type RegisterBody,
  type TenantId,
  type WorkerView,
  type WorkflowDefinition,
  type WorkflowName,
  type WorkflowSummary,
  type WorkflowView,
} from "@agentflow/protocol";
import type { EngineRegistry } from "../engine-api.ts";
import { definitionKey, type Plans } from "../orchestrator/plans.ts";
import { canonicalJson, sha256 } from "./canonical.ts";
import { type Compiled, compile } from "./compile.ts";
import { parseDefinition, parseHead, type VersionHead, type WorkflowHead } from "./parse-head.ts";
import type { Workers } from "./workers.ts";

export interface RegistryParts {
  readonly bus: Bus;
  readonly world: World;
  readonly say: Log;
  readonly plans: Plans;
  readonly workers: Workers;
}

const prefix = "workflow.";
const versionsMax = 100;
/** Of one tenant. The table lists ten thousand rows at most: nobody may fill it for all others. */
const workflowsMax = 1_000;
const definitionBytesMax = 512 * 1024;
const putRounds = 8;
const watchAgainMs = 500;

/** Workflows by name and version. A version is its definition's content, so it never changes. */
export class Registry implements EngineRegistry {
  private readonly parts: RegistryParts;
  private readonly heads = new Map<string, WorkflowHead>();
  private readonly stopped = new AbortController();
  private watching: Promise<void> = Promise.resolve();

  constructor(parts: RegistryParts) {
    this.parts = parts;
  }

  async start(): Promise<void> {
    try {
      for (const row of await this.parts.bus.table.list(prefix)) this.keep(row.key, row.value);
    } catch (error) {
      if (!AgentFlowError.is(error) || error.reason !== "too_many_rows") throw error;
      this.parts.say.warn("more workflows than one list holds: each is read when it is asked for");
    }
    this.watching = this.watch();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.watching;
  }

  async register(tenant: TenantId, body: RegisterBody): Promise<WorkflowView> {
    const { definition } = body;
    const name = parseId("workflow", definition.name);
    const text = canonicalJson(definition);
    if (text.length > definitionBytesMax) throw tooBig(name);
    this.checkRoom(tenant, name);
    const hash = sha256(text);
    const tools = this.listTools(tenant);
    const agents = this.listAgents(tenant);
    const compiled = compile(definition, {
      version: hash.slice(0, 12),
      tools,
      agents,
      strict: body.strict ?? true,
    });
    const planText = canonicalJson(compiled.plan);
    const planHash = sha256(planText);
    const { blobs } = this.parts.bus;
    await blobs.put(definitionKey(tenant, hash), new TextEncoder().encode(text));
    await blobs.put(definitionKey(tenant, planHash), new TextEncoder().encode(planText));
    // The first start finds it in memory.
    await this.parts.plans.get(tenant, planHash);
    const version = hash.slice(0, 12);
    const registeredAt = instant(this.parts.world.clock.now());
    const head = await this.putHead(tenant, {
      name,
      steps: Object.keys(definition.steps).length,
      one: { version, definition: hash, plan: planHash, registeredAt },
      ...(definition.description === undefined ? {} : { description: definition.description }),
    });
    return viewOf(head, head, { definition, compiled });
  }

  async listWorkflows(tenant: TenantId): Promise<readonly WorkflowSummary[]> {
    const start = `${prefix}${tenant}.`;
    const heads = [...this.heads].filter(([key]) => key.startsWith(start)).map(([, head]) => head);
    const summaries = heads
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(async (head) => {
        const input = (await this.parts.plans.get(tenant, head.plan))?.plan.input;
        return input === undefined ? summaryOf(head, head) : { ...summaryOf(head, head), input };
      });
    return Promise.all(summaries);
  }

  async getWorkflow(tenant: TenantId, name: WorkflowName, version?: string): Promise<WorkflowView> {
    const head = await this.head(tenant, name);
    const one = versionOf(head, version);
    const [text, prepared] = await Promise.all([
      this.parts.bus.blobs.get(definitionKey(tenant, one.definition)),
      this.parts.plans.get(tenant, one.plan),
    ]);
    if (text === undefined || prepared === undefined) throw missing(name, one.version);
    const definition = parseDefinition(new TextDecoder().decode(text));
    return viewOf(head, one, { definition, compiled: { plan: prepared.plan, findings: [] } });
  }

  /** Which plan a start means, without waiting; undefined when that needs a look at the table. */
  peek(tenant: TenantId, name: string, version: string | undefined): VersionHead | undefined {
    const head = this.heads.get(`${prefix}${tenant}.${name}`);
    if (head === undefined || version === undefined) return head;
    return head.versions.find((one) => one.version === version);
  }

  /** As `peek`, with a look at the table; throws `not_found`. */
  async find(tenant: TenantId, name: string, version: string | undefined): Promise<VersionHead> {
    const workflow = isId("workflow", name) ? name : undefined;
    if (workflow === undefined) throw noSuchWorkflow(name, []);
    return versionOf(await this.head(tenant, workflow), version);
  }

  listTools(tenant: TenantId): readonly CallableView[] {
    return this.parts.workers.callables(tenant, "tools");
  }

  listAgents(tenant: TenantId): readonly CallableView[] {
    return this.parts.workers.callables(tenant, "agents");
  }

  listWorkers(tenant: TenantId): readonly WorkerView[] {
    return this.parts.workers.list(tenant);
  }

  private async head(tenant: TenantId, name: WorkflowName): Promise<WorkflowHead> {
    const key = `${prefix}${tenant}.${name}`;
    const known = this.heads.get(key);
    if (known !== undefined) return known;
    const row = await this.parts.bus.table.get(key);
    const head = row === undefined ? undefined : parseHead(row.value);
    if (head === undefined) throw noSuchWorkflow(name, this.names(tenant));
    this.heads.set(key, head);
    return head;
  }

  /** Compare and set: of two who register at once, both versions stay known. */
  private async putHead(
    tenant: TenantId,
    of: { name: WorkflowName; description?: string; steps: number; one: VersionHead },
  ): Promise<WorkflowHead> {
    const { table } = this.parts.bus;
    const { one, ...rest } = of;
    const key = `${prefix}${tenant}.${of.name}`;
    for (let round = 0; round < putRounds; round++) {
      const row = await table.get(key);
      const before = row === undefined ? undefined : parseHead(row.value);
      if (before?.version === one.version && before.plan === one.plan) {
        this.heads.set(key, before);
        return before;
      }
      const older = (before?.versions ?? []).filter(({ version }) => version !== one.version);
      const head: WorkflowHead = { v: 1, ...rest, ...one, versions: [one, ...older].slice(0, versionsMax) };
      const put = await table.put(key, JSON.stringify(head), { expect: row?.revision ?? 0 });
      if (put.ok) {
        this.heads.set(key, head);
        return head;
      }
    }
    throw new AgentFlowError("conflict", `workflow ${of.name} kept changing`, { reason: "conflict_rounds" });
  }

  private checkRoom(tenant: TenantId, name: WorkflowName): void {
    if (this.heads.has(`${prefix}${tenant}.${name}`) || this.names(tenant).length < workflowsMax) return;
    throw new AgentFlowError("limit_exceeded", `at most ${workflowsMax} workflows a tenant`, {
      reason: "too_many_workflows",
      details: { max: workflowsMax },
      suggestions: ["register a new version of a workflow under its old name", "af workflow list"],
    });
  }

  private names(tenant: TenantId): string[] {
    const start = `${prefix}${tenant}.`;
    return [...this.heads.keys()]
      .filter((key) => key.startsWith(start))
      .map((key) => key.slice(start.length));
  }

  private keep(key: string, value: string | undefined): void {
    const head = value === undefined ? undefined : parseHead(value);
    if (head !== undefined) this.heads.set(key, head);
    else this.heads.delete(key);
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopped;
    const { bus, say, world } = this.parts;
    while (!signal.aborted) {
      try {
        for await (const changes of bus.table.watch(prefix, signal)) {
          for (const { key, value } of changes) this.keep(key, value);
        }
      } catch (error) {
        if (signal.aborted) return;
        say.warn("watching workflows failed; trying again", { error });
        await sleep(world.timers, watchAgainMs, signal);
      }
    }
  }
}

function versionOf(head: WorkflowHead, version: string | undefined): VersionHead {
  if (version === undefined || version === head.version) return head;
  const found = head.versions.find((one) => one.version === version);
  if (found !== undefined) return found;
  throw new AgentFlowError("not_found", `workflow ${head.name} has no version ${version.slice(0, 40)}`, {
    reason: "version_not_found",
    details: { versions: head.versions.slice(0, 10).map((one) => one.version) },
  });
}

function summaryOf(head: WorkflowHead, one: VersionHead): WorkflowSummary {
  const { name, description, steps } = head;
  const { version, plan, registeredAt } = one;
  const summary = { name, version, plan, registeredAt, steps };
  return description === undefined ? summary : { ...summary, description };
}

function viewOf(
  head: WorkflowHead,
  one: VersionHead,
  of: { definition: WorkflowDefinition; compiled: Compiled },
): WorkflowView {
  const plan: Plan = of.compiled.plan;
  const findings: readonly Finding[] = of.compiled.findings;
  const summary = { ...summaryOf(head, one), steps: Object.keys(plan.steps).length };
  const input = plan.input === undefined ? {} : { input: plan.input };
  const versions = head.versions.map(({ version }) => version);
  return { ...summary, ...input, definition: of.definition, compiled: plan, findings, versions };
}

function noSuchWorkflow(name: string, known: readonly string[]): AgentFlowError {
  const shown = JSON.stringify(name.slice(0, 63));
  const suggestions = known.length > 0 ? [`known: ${known.slice(0, 10).join(", ")}`] : ["af workflow list"];
  return new AgentFlowError("not_found", `there is no workflow ${shown}`, {
    reason: "workflow_not_found",
    suggestions,
  });
}

function missing(name: string, version: string): AgentFlowError {
  return new AgentFlowError("internal", `the stored definition of ${name} ${version} is missing`, {
    reason: "definition_missing",
  });
}

function tooBig(name: string): AgentFlowError {
  return new AgentFlowError("limit_exceeded", `workflow ${name} is over ${definitionBytesMax} bytes`, {
    reason: "definition_too_big",
    details: { bytesMax: definitionBytesMax },
  });
}
