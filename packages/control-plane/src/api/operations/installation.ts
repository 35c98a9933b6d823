import { installationToken, logLevels, parseId } from "@agentflow/protocol";
import { apiSchemas } from "@agentflow/protocol/schema";
import { z } from "zod";
import { holdsScope, requireScope } from "../../auth/principal.ts";
import { type Operation, operation } from "../parse-operation.ts";
import { inspectWorker } from "./inspect-worker.ts";
import { parseDefinition, parseSources } from "./parse-bodies.ts";
import { workflowParams } from "./params.ts";

const { query } = apiSchemas;
const page = z.object({
  items: z.array(z.looseObject({ name: z.string() })),
  cursor: z.string().exactOptional(),
});
const workers = z.object({ items: z.array(z.looseObject({ worker: z.string(), alive: z.boolean() })) });
const workflowView = z.looseObject({ name: z.string(), version: z.string(), plan: z.string() });

const workflowOperations: readonly Operation[] = [
  operation({
    id: "registerWorkflow",
    method: "post",
    path: "/v1/workflows",
    tag: "workflows",
    summary:
      "Register a workflow: validated, compiled to a plan, kept by its hash. The same again changes nothing.",
    scope: "workflows:write",
    audited: true,
    body: apiSchemas.registerBody,
    answer: workflowView,
    handle: ({ services, principal, body }) =>
      services.engine.registry.register(principal.tenant, parseDefinition(body)),
  }),
  operation({
    id: "listWorkflows",
    method: "get",
    path: "/v1/workflows",
    tag: "workflows",
    summary: "Every workflow with its newest version; with `all` also those removed from their project.",
    scope: "runs:read",
    query: z.strictObject({ all: query.flag }),
    answer: page,
    handle: async ({ services, principal, query: { all } }) => ({
      items: await services.engine.registry.listWorkflows(principal.tenant, { all: all === "true" }),
    }),
  }),
  operation({
    id: "getWorkflow",
    method: "get",
    path: "/v1/workflows/{name}",
    tag: "workflows",
    summary: "A workflow: definition, plan, findings and versions.",
    scope: "runs:read",
    params: workflowParams,
    query: z.strictObject({ version: query.text }),
    answer: workflowView,
    handle: ({ services, principal, params, query: { version } }) =>
      services.engine.registry.getWorkflow(principal.tenant, params.name, version),
  }),
];

const callableOperations: readonly Operation[] = [
  operation({
    id: "listTools",
    method: "get",
    path: "/v1/tools",
    tag: "workers",
    summary: "Every tool that workers can run now.",
    scope: "runs:read",
    answer: page,
    handle: async ({ services, principal }) => ({
      items: services.engine.registry.listTools(principal.tenant),
    }),
  }),
  operation({
    id: "listAgents",
    method: "get",
    path: "/v1/agents",
    tag: "workers",
    summary: "Every agent that workers can run now.",
    scope: "runs:read",
    answer: page,
    handle: async ({ services, principal }) => ({
      items: services.engine.registry.listAgents(principal.tenant),
    }),
  }),
  operation({
    id: "listWorkers",
    method: "get",
    path: "/v1/workers",
    tag: "workers",
    summary: "Workers: what they can run and what they are doing.",
    scope: "runs:read",
    answer: workers,
    handle: async ({ services, principal }) => ({
      items: services.engine.registry.listWorkers(principal.tenant),
    }),
  }),
  inspectWorker,
];

export const telemetryQuery = z.strictObject({
  kind: z.enum(["log", "span"]).exactOptional(),
  run: query.text,
  source: query.text,
  level: z.enum(logLevels).exactOptional(),
  since: query.instant,
  until: query.instant,
  grep: query.text,
  match: query.text,
  exclude: query.text,
  agent: query.text,
  tool: query.text,
  previous: query.flag,
  after: query.cursor,
  limit: query.limit,
  newest: query.flag,
});

/** As the query, with events of runs between the records: a log of everything, by push. */
export const telemetryStreamQuery = telemetryQuery.extend({
  events: z.enum(["runs", "all"]).exactOptional(),
  /** Events behind this revision of the log, for who has no cursor yet. */
  eventsBehind: query.revision,
  /** Records that come together as one message, `records`. */
  batch: query.flag,
});

const stateOperations: readonly Operation[] = [
  operation({
    id: "queryTelemetry",
    method: "get",
    path: "/v1/telemetry",
    tag: "telemetry",
    summary: "Logs and spans by run, source, level and time, behind a cursor.",
    scope: "runs:read",
    query: telemetryQuery,
    answer: z.object({
      records: z.array(z.looseObject({ kind: z.string() })),
      cursor: z.string(),
      dropped: z.int(),
    }),
    handle: ({ services, principal, query: asked }) =>
      services.engine.telemetry.query(principal.tenant, parseSources(asked)),
  }),
  operation({
    id: "status",
    method: "get",
    path: "/v1/status",
    tag: "installation",
    summary:
      "One look at the installation: all of it with the scope operator, else what is the tenant's own.",
    scope: "runs:read",
    answer: z.looseObject({
      version: z.string(),
      installation: z.string(),
      tenant: z.string().exactOptional(),
    }),
    handle: async ({ services, principal }) => {
      const whole = holdsScope(principal, "operator");
      const status = await services.engine.status(whole ? {} : { tenant: principal.tenant });
      return { ...status, ready: services.ready() };
    },
  }),
];

const checkOperations: readonly Operation[] = [
  operation({
    id: "checkBus",
    method: "post",
    path: "/v1/bus/check",
    tag: "installation",
    summary: "Write a row to the bus, read it back and take it away again; how long each took.",
    scope: "operator",
    answer: z.object({ writeMs: z.number(), readMs: z.number() }),
    handle: ({ services }) => services.engine.checkBus(),
  }),
];

const archiveOperations: readonly Operation[] = [
  operation({
    id: "archiveRuns",
    method: "post",
    path: "/v1/archive",
    tag: "installation",
    summary:
      "Move ended runs of all tenants from the log into archives, some thousands a call: ask again until " +
      "none is moved. Runs whose id is younger than an hour stay in the log.",
    scope: "operator",
    audited: true,
    body: apiSchemas.archiveBody,
    answer: z.object({ archived: z.int() }),
    handle: async ({ services, body }) => ({ archived: await services.engine.archive(body) }),
  }),
];

const keyView = z.object({
  id: z.string(),
  name: z.string(),
  tenant: z.string(),
  scopes: z.array(z.string()),
});

const keyOperations: readonly Operation[] = [
  operation({
    id: "createKey",
    method: "post",
    path: "/v1/keys",
    tag: "keys",
    summary:
      "Make an API key, with the scope tenants also of another tenant. Its text is in this answer and " +
      "nowhere else, ever.",
    scope: "admin",
    audited: true,
    body: apiSchemas.createKeyBody,
    answer: z.object({ key: z.string(), view: keyView }),
    statuses: [201],
    handle: async ({ services, principal, body }) => {
      // Nobody hands on what they do not hold themselves.
      for (const scope of body.scopes) requireScope(principal, scope);
      const tenant = body.tenant === undefined ? principal.tenant : parseId("tenant", body.tenant);
      if (tenant !== principal.tenant) requireScope(principal, "tenants");
      return services.keys.create({ ...body, tenant });
    },
  }),
  operation({
    id: "listKeys",
    method: "get",
    path: "/v1/keys",
    tag: "keys",
    summary: "API keys of the tenant, without their text.",
    scope: "admin",
    answer: z.object({ items: z.array(keyView) }),
    handle: async ({ services, principal }) => ({ items: await services.keys.list(principal.tenant) }),
  }),
  operation({
    id: "revokeKey",
    method: "delete",
    path: "/v1/keys/{id}",
    tag: "keys",
    summary: "Revoke an API key: within seconds it opens nothing.",
    scope: "admin",
    audited: true,
    params: z.object({ id: z.string().max(40) }),
    answer: z.object({ revoked: z.string() }),
    handle: async ({ services, principal, params }) => {
      await services.keys.revoke(principal.tenant, params.id);
      return { revoked: params.id };
    },
  }),
];

const auditOperations: readonly Operation[] = [
  operation({
    id: "listAudit",
    method: "get",
    path: "/v1/audit",
    tag: "audit",
    summary:
      "The audit trail, oldest first: the tenant's own, or (with `operator`) the installation's: refusals.",
    scope: "admin",
    query: z.strictObject({ installation: query.flag, after: query.revision, limit: query.limit }),
    answer: z.object({
      records: z.array(
        z.looseObject({ at: z.string(), by: z.string(), did: z.string(), outcome: z.string() }),
      ),
      next: z.number().exactOptional(),
    }),
    handle: async ({ services, principal, query: { installation, after = 0, limit = 100 } }) => {
      if (installation !== "true") return services.audit.read(principal.tenant, { after, limit });
      requireScope(principal, "operator");
      return services.audit.read(installationToken, { after, limit });
    },
  }),
];

export const installationOperations: readonly Operation[] = [
  ...workflowOperations,
  ...callableOperations,
  ...stateOperations,
  ...checkOperations,
  ...archiveOperations,
  ...keyOperations,
  ...auditOperations,
];
