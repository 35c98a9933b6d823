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
import type { EngineRegistry, ProjectFiles } from "../engine-api.ts";
import { definitionKey, type Plans } from "../orchestrator/plans.ts";
import { canonicalJson, sha256 } from "./canonical.ts";
import { type Compiled, compile } from "./compile.ts";
import { parseDefinition, parseHead, type VersionHead, type WorkflowHead } from "./parse-head.ts";
import { isGone, removedError } from "./removed.ts";
import type { Workers } from "./workers.ts";

export interface RegistryParts {
  readonly bus: Bus;
  readonly world: World;
  readonly say: Log;
  readonly plans: Plans;
  readonly workers: Workers;
}

/** A version that a run may begin on, and the build that it takes. */
export type Startable = VersionHead & Pick<WorkflowHead, "build">;

/** What a start means; with `removed` only a run that was started before may have it. */
export interface Found {
  readonly head: Startable;
  readonly removed?: AgentFlowError;
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

  async register(
    tenant: TenantId,
    body: RegisterBody,
    of: Pick<WorkflowHead, "project"> = {},
  ): Promise<WorkflowView> {
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
      ...of,
      ...(body.build === undefined ? {} : { build: body.build }),
      one: { version, definition: hash, plan: planHash, registeredAt },
      ...(definition.description === undefined ? {} : { description: definition.description }),
    });
    if (head.registeredAt === registeredAt) {
      this.parts.say
        .child({ tenant })
        .info("workflow registered", { workflow: name, version, build: head.build });
    }
    return viewOf(head, head, { definition, compiled });
  }

  async keepOnly(tenant: TenantId, files: ProjectFiles): Promise<readonly string[]> {
    const removedAt = instant(this.parts.world.clock.now());
    const removed: string[] = [];
    for (const { name } of this.headsOf(tenant).filter((head) => isGone(head, files))) {
      // Looked at once more under the fence: whoever registered it meanwhile is right.
      const head = await this.change(tenant, name, (before) =>
        before !== undefined && isGone(before, files) ? { ...before, removedAt } : undefined,
      );
      if (head?.removedAt === removedAt) removed.push(name);
    }
    for (const workflow of removed) {
      this.parts.say.child({ tenant }).info("workflow removed: it starts no more runs", { workflow });
    }
    return removed;
  }

  async listWorkflows(
    tenant: TenantId,
    { all = false }: { readonly all?: boolean } = {},
  ): Promise<readonly WorkflowSummary[]> {
    const summaries = this.headsOf(tenant)
      .filter(({ removedAt }) => all || removedAt === undefined)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(async (head) => {
        const input = (await this.parts.plans.get(tenant, head.plan))?.plan.input;
        return input === undefined ? summaryOf(head, head) : { ...summaryOf(head, head), input };
      });
    return Promise.all(summaries);
  }

  async getWorkflow(tenant: TenantId, name: WorkflowName, version?: string): Promise<WorkflowView> {
    const head = await this.head(tenant, name, version);
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
  peek(tenant: TenantId, name: string, version: string | undefined): Startable | undefined {
    const head = this.heads.get(`${prefix}${tenant}.${name}`);
    if (head === undefined || head.removedAt !== undefined) return undefined;
    if (version === undefined || version === head.version) return head;
    const one = head.versions.find((known) => known.version === version);
    return one === undefined ? undefined : startable(head, one);
  }

  /** As `peek`, with a look at the table; throws `not_found`. `removed` says why no new run may have it. */
  async find(tenant: TenantId, name: string, version: string | undefined): Promise<Found> {
    const workflow = isId("workflow", name) ? name : undefined;
    if (workflow === undefined) throw noSuchWorkflow(name, []);
    const head = await this.head(tenant, workflow, version);
    const found = { head: startable(head, versionOf(head, version)) };
    return head.removedAt === undefined
      ? found
      : { ...found, removed: removedError(head, this.names(tenant)) };
  }

  /** Which workflow names which build for its new runs: of one tenant, or of all. */
  namedBuilds(tenant: TenantId | undefined): readonly Pick<WorkflowHead, "name" | "build">[] {
    const start = tenant === undefined ? prefix : `${prefix}${tenant}.`;
    return [...this.heads]
      .filter(([key, { removedAt }]) => key.startsWith(start) && removedAt === undefined)
      .map(([, head]) => head);
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

  /** What is missing or removed as far as is known here may have been registered elsewhere a moment ago. */
  private async head(
    tenant: TenantId,
    name: WorkflowName,
    version: string | undefined,
  ): Promise<WorkflowHead> {
    const key = `${prefix}${tenant}.${name}`;
    const known = this.heads.get(key);
    if (known?.removedAt === undefined && known !== undefined && hasVersion(known, version)) return known;
    const row = await this.parts.bus.table.get(key);
    const head = row === undefined ? undefined : parseHead(row.value);
    if (head === undefined) throw noSuchWorkflow(name, this.names(tenant));
    this.heads.set(key, head);
    return head;
  }

  /** Compare and set: of two who register at once, both versions stay known. */
  private async putHead(
    tenant: TenantId,
    of: Omit<WorkflowHead, "v" | "versions" | keyof VersionHead> & { readonly one: VersionHead },
  ): Promise<WorkflowHead> {
    const { one, ...rest } = of;
    const head = await this.change(tenant, of.name, (before) => {
      if (before !== undefined && isSame(before, of)) return undefined;
      const older = (before?.versions ?? []).filter(({ version }) => version !== one.version);
      // One that names no build leaves runs where they went before.
      const build = rest.build ?? before?.build;
      const kept = build === undefined ? {} : { build };
      return { v: 1, ...rest, ...kept, ...one, versions: [one, ...older].slice(0, versionsMax) };
    });
    if (head === undefined) throw new Error(`no row of workflow ${of.name} after it was written`);
    return head;
  }

  /** The row as it stands afterwards; `to` gives undefined where nothing is to change. */
  private async change(
    tenant: TenantId,
    name: string,
    to: (before: WorkflowHead | undefined) => WorkflowHead | undefined,
  ): Promise<WorkflowHead | undefined> {
    const { table } = this.parts.bus;
    const key = `${prefix}${tenant}.${name}`;
    for (let round = 0; round < putRounds; round++) {
      const row = await table.get(key);
      const before = row === undefined ? undefined : parseHead(row.value);
      const after = to(before);
      const head = after ?? before;
      const put =
        after === undefined
          ? undefined
          : await table.put(key, JSON.stringify(after), { expect: row?.revision ?? 0 });
      if (put?.ok === false) continue;
      if (head !== undefined) this.heads.set(key, head);
      return head;
    }
    throw new AgentFlowError("conflict", `workflow ${name} kept changing`, { reason: "conflict_rounds" });
  }

  private checkRoom(tenant: TenantId, name: WorkflowName): void {
    if (this.heads.has(`${prefix}${tenant}.${name}`) || this.names(tenant).length < workflowsMax) return;
    throw new AgentFlowError("limit_exceeded", `at most ${workflowsMax} workflows a tenant`, {
      reason: "too_many_workflows",
      details: { max: workflowsMax },
      suggestions: ["register a new version of a workflow under its old name", "af workflow list"],
    });
  }

  /** Of those that can be started. */
  private names(tenant: TenantId): string[] {
    return this.headsOf(tenant)
      .filter(({ removedAt }) => removedAt === undefined)
      .map(({ name }) => name);
  }

  private headsOf(tenant: TenantId): WorkflowHead[] {
    const start = `${prefix}${tenant}.`;
    return [...this.heads].filter(([key]) => key.startsWith(start)).map(([, head]) => head);
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

/** Registering it would leave the row as it is. */
function isSame(
  before: WorkflowHead,
  of: Pick<WorkflowHead, "project" | "build"> & { readonly one: VersionHead },
): boolean {
  const { version, plan, project, removedAt, build } = before;
  if (of.build !== undefined && of.build !== build) return false;
  const same = version === of.one.version && plan === of.one.plan && removedAt === undefined;
  return same && (project === undefined) === (of.project === undefined) && project?.file === of.project?.file;
}

function hasVersion(head: WorkflowHead, version: string | undefined): boolean {
  return version === undefined || head.versions.some((one) => one.version === version);
}

/** Every version of a workflow takes the build that its newest registration named. */
function startable(head: WorkflowHead, one: VersionHead): Startable {
  return head.build === undefined ? one : { ...one, build: head.build };
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
  const { name, description, steps, removedAt, project, build } = head;
  const { version, plan, registeredAt } = one;
  return {
    name,
    version,
    plan,
    registeredAt,
    steps,
    ...(description === undefined ? {} : { description }),
    ...(project?.file === undefined ? {} : { file: project.file }),
    ...(removedAt === undefined ? {} : { removedAt }),
    ...(build === undefined ? {} : { build }),
  };
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
