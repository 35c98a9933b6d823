/** The API over HTTP: parse, authorise, call, render. Every path comes from the operations' table. */
import { Hono } from "hono";
import type { Clock, Timers } from "@agentflow/host/clock";
import type { HealthKind, HealthReport } from "@agentflow/host/health";
import type { Log } from "@agentflow/host/log";
import type { Metrics } from "@agentflow/host/metrics";
import { AgentFlowError, versionHeader } from "@agentflow/protocol";
import type { Context } from "hono";
import type { Gate } from "../auth/gate.ts";
import { type Principal, requireScope } from "../auth/principal.ts";
import { answerText, corsOf, errorAnswer, jsonHeaders, preflightHeaders } from "./answers.ts";
import { Backups } from "./backups.ts";
import { Streams } from "./events.ts";
import type { ServerLimits } from "./limits.ts";
import { type RequestMeter, createMeter } from "./meter.ts";
import { operations } from "./operations/index.ts";
import { parseWith } from "./parse-body.ts";
import type { Operation, Services } from "./parse-operation.ts";
import { type AppEnv, knockOf, queryOf, readBody } from "./request.ts";
import { wrongMethod } from "./wrong-method.ts";

export interface AppOptions {
  readonly services: Services;
  readonly gate: Gate;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Pick<Clock, "monotonic">;
  readonly timers: Timers;
  readonly health: { report(kind: HealthKind): HealthReport };
  readonly limits: ServerLimits;
  /** Gives up waits and streams, so that the server can close; what was asked for can be asked again. */
  readonly stopping: AbortSignal;
}

type Call = Context<AppEnv>;

export function createApp(options: AppOptions): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const meter = createMeter(options.metrics, options.clock);
  const streams = new Streams({ ...options, engine: options.services.engine });
  options.metrics.gauge({ name: "api_streams", help: "Open server-sent streams.", read: () => streams.open });
  app.onError((error, context) => failure(context, error, options));
  app.notFound(async (context) => {
    // Who may know our release learns it also where a newer one would have a path.
    await identified(context, options).catch(() => undefined);
    return failure(context, unlisted(context), options);
  });
  app.use((context, next) => door(context, { next, options, meter }));
  for (const operation of operations) mount(app, operation, options);
  app.get("/v1/events", async (context) => {
    context.set("operation", "followRuns");
    return streams.events(context, await identified(context, options));
  });
  app.get("/v1/telemetry/stream", async (context) => {
    context.set("operation", "followTelemetry");
    return streams.telemetry(context, await identified(context, options));
  });
  app.get("/v1/bus/tail", async (context) => {
    context.set("operation", "tailBus");
    return streams.busTail(context, await identified(context, options));
  });
  const backups = new Backups(options);
  app.get("/v1/backup", async (context) => {
    context.set("operation", "backup");
    return backups.answer(context, await identified(context, options));
  });
  mountDocuments(app, options);
  return app;
}

/** Open to probes under any name: they tell nothing that a stranger could use. */
const probes = new Set(["/livez", "/readyz"]);

async function door(
  context: Call,
  of: { next: () => Promise<void>; options: AppOptions; meter: RequestMeter },
): Promise<Response | undefined> {
  const { next, options, meter } = of;
  const began = meter.begin();
  const origin = context.env.incoming.headers.origin;
  let refusal: Response | undefined;
  try {
    if (!probes.has(context.req.path)) {
      options.gate.checkAddress(knockOf(context));
      if (options.stopping.aborted) throw comingDown();
      // Not even a key is known then, and no run: what is said of them would be wrong.
      const { trouble } = options.services.engine;
      if (trouble !== undefined && context.req.path.startsWith("/v1/")) throw trouble;
    }
  } catch (error) {
    refusal = failure(context, error, options);
  }
  if (refusal !== undefined) {
    meter.end(began, { operation: undefined, status: refusal.status });
    return refusal;
  }
  if (isPreflight(context)) return new Response(null, { status: 204, headers: preflightOf(origin) });
  await next();
  const { res } = context;
  // A stream's head left long ago, with the same headers in it.
  if (origin !== undefined && !context.env.outgoing.headersSent) {
    for (const [name, value] of Object.entries(corsOf(origin))) res.headers.set(name, value);
  }
  meter.end(began, { operation: context.get("operation"), status: res.status });
  return undefined;
}

function isPreflight({ env }: Call): boolean {
  const { method, headers } = env.incoming;
  return (
    method === "OPTIONS" &&
    headers.origin !== undefined &&
    headers["access-control-request-method"] !== undefined
  );
}

function preflightOf(origin: string | undefined): { readonly [name: string]: string } {
  return { ...corsOf(origin), ...preflightHeaders };
}

function mount(app: Hono<AppEnv>, operation: Operation, options: AppOptions): void {
  const path = operation.path.replace(/\{([a-z]+)\}/g, ":$1");
  app.on(operation.method.toUpperCase(), path, async (context) => {
    context.set("operation", operation.id);
    const principal = await identified(context, options);
    requireScope(principal, operation.scope);
    const data = await run(context, { operation, principal, options });
    const status = operation.statusOf?.(data) ?? operation.statuses?.[0] ?? 200;
    return new Response(answerText(data), { status, headers: jsonHeaders });
  });
}

async function run(
  context: Call,
  of: { operation: Operation; principal: Principal; options: AppOptions },
): Promise<unknown> {
  const { operation, principal, options } = of;
  const { services, stopping } = options;
  const given = context.req.param();
  const params =
    operation.params === undefined ? {} : parseWith(operation.params, given, "the path", "invalid_id");
  // An operation that takes no query refuses one all the same when it holds credentials.
  const asked = queryOf(context);
  const query = operation.query === undefined ? {} : parseWith(operation.query, asked, "the query");
  const body =
    operation.body === undefined ? undefined : parseWith(operation.body, await readBody(context), "the body");
  const call = {
    services,
    principal,
    params,
    query,
    body,
    get signal() {
      return AbortSignal.any([context.req.raw.signal, stopping]);
    },
  };
  const data = await operation.handle(call).catch((error: unknown) => {
    // A wait that this server gave up is asked again, and finds the next one.
    const gaveUp = AgentFlowError.is(error) && error.reason === "wait_ended" && stopping.aborted;
    throw gaveUp ? comingDown() : error;
  });
  if (operation.audited === true) {
    const to = Object.values(given)[0];
    const record = { by: principal.name, did: operation.id, outcome: "done" as const };
    await services.audit.write(principal.tenant, typeof to === "string" ? { ...record, to } : record);
  }
  return data;
}

function comingDown(): AgentFlowError {
  return new AgentFlowError("unavailable", "the control plane stops; runs go on", { reason: "stopping" });
}

function mountDocuments(app: Hono<AppEnv>, options: AppOptions): void {
  const { health, metrics, services } = options;
  let document: string | undefined;
  app.get("/openapi.json", async () => {
    // Few ever ask for it, and what draws it is big.
    const { openApiText } = await import("./parse-openapi.ts");
    document ??= openApiText(operations, services.version);
    return new Response(document, { headers: jsonHeaders });
  });
  app.get("/livez", () => {
    const live = health.report("liveness").ok;
    return new Response(live ? "ok" : "not ok", { status: live ? 200 : 503 });
  });
  app.get("/readyz", () => {
    const ready = health.report("readiness");
    return new Response(JSON.stringify(ready), { status: ready.ok ? 200 : 503, headers: jsonHeaders });
  });
  app.get("/metrics", async (context) => {
    queryOf(context);
    requireScope(await identified(context, options), "operator");
    return new Response(await metrics.text(), {
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    });
  });
}

async function identified(context: Call, { gate, services }: AppOptions): Promise<Principal> {
  const principal = await gate.identify(knockOf(context));
  // Told to those who may know it: a client of another release says so where the two do not understand.
  context.env.outgoing.setHeader(versionHeader, services.version);
  context.set("principal", principal);
  return principal;
}

function unlisted(context: Call): AgentFlowError {
  const allowed = wrongMethod(context.req.path);
  if (allowed !== undefined) {
    return new AgentFlowError("invalid_input", `this path takes ${allowed}`, {
      reason: "method_not_allowed",
      details: { allow: allowed },
    });
  }
  return new AgentFlowError("not_found", "there is no such path", {
    reason: "no_such_path",
    suggestions: ["GET /openapi.json lists every operation"],
  });
}

function failure(context: Call, thrown: unknown, options: AppOptions): Response {
  const { status, text, headers, error } = errorAnswer(thrown);
  const operation = context.get("operation") ?? "other";
  if (error.code === "internal") options.log.error("a request failed", { operation, error });
  if (error.code === "unauthenticated" || error.code === "forbidden") {
    const by = context.get("principal")?.name ?? "unknown";
    options.services.audit.note({ by, did: operation, outcome: "refused", reason: error.reason });
  }
  return new Response(text, { status, headers: { ...jsonHeaders, ...headers } });
}
