/** The API over HTTP: parse, authorise, call, render. Every path comes from the operations' table. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Log } from "@agentflow/host/log";
import type { Metrics } from "@agentflow/host/metrics";
import { AgentFlowError } from "@agentflow/protocol";
import type { Context } from "hono";
import type { Gate, Knock } from "../auth/gate.ts";
import { type Principal, requireScope } from "../auth/principal.ts";
import { answerText, errorAnswer } from "./answers.ts";
import { eventStream, telemetryStream } from "./events.ts";
import { operations } from "./operations/index.ts";
import { describeOperations } from "./parse-openapi.ts";
import { bodyLimits, parseJson, parseWith } from "./parse-body.ts";
import type { Operation, Services } from "./parse-operation.ts";

export interface AppOptions {
  readonly services: Services;
  readonly gate: Gate;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: { live(): boolean; ready(): { readonly ok: boolean; readonly checks: unknown } };
}

export function createApp(options: AppOptions): OpenAPIHono {
  const app = new OpenAPIHono();
  const { gate, services } = options;
  const counted = options.metrics.counter({
    name: "api_requests_total",
    help: "requests by operation and status",
    labels: { operation: [...operations.map(({ id }) => id), "other"], status: ["2xx", "4xx", "5xx"] },
  });
  app.onError((error, context) => failure(context, error, options));
  app.notFound((context) =>
    failure(
      context,
      new AgentFlowError("not_found", "there is no such path", {
        reason: "no_such_path",
        suggestions: ["GET /openapi.json lists every operation"],
      }),
      options,
    ),
  );
  app.use(async (context, next) => {
    gate.checkAddress(knockOf(context));
    await next();
    const status = context.res.status >= 500 ? "5xx" : context.res.status >= 400 ? "4xx" : "2xx";
    counted.of({ operation: context.get("operation") ?? "other", status }).add();
  });
  for (const operation of operations) mount(app, operation, options);
  app.get("/v1/events", async (context) =>
    eventStream(context, await identified(context, gate), services.engine),
  );
  app.get("/v1/telemetry/stream", async (context) =>
    telemetryStream(context, await identified(context, gate), services.engine),
  );
  describeOperations(app, operations);
  app.get("/openapi.json", (context) =>
    context.json(
      app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "AgentFlow", version: services.version } }),
    ),
  );
  app.get("/livez", (context) =>
    context.text(options.health.live() ? "ok" : "not ok", options.health.live() ? 200 : 503),
  );
  app.get("/readyz", (context) => {
    const ready = options.health.ready();
    return context.json(ready, ready.ok ? 200 : 503);
  });
  app.get("/metrics", async (context) => {
    await identified(context, gate);
    return context.text(await options.metrics.text());
  });
  return app;
}

declare module "hono" {
  interface ContextVariableMap {
    operation: string;
  }
}

function mount(app: OpenAPIHono, operation: Operation, options: AppOptions): void {
  const path = operation.path.replace(/\{([a-z]+)\}/g, ":$1");
  app.on(operation.method.toUpperCase(), path, async (context) => {
    context.set("operation", operation.id);
    const principal = await identified(context, options.gate);
    requireScope(principal, operation.scope);
    const data = await run(context, { operation, principal, options });
    return context.body(answerText(data), { status: 200, headers: jsonHeaders });
  });
}

const jsonHeaders = { "content-type": "application/json; charset=utf-8" };

async function run(
  context: Context,
  of: { operation: Operation; principal: Principal; options: AppOptions },
): Promise<unknown> {
  const { operation, principal, options } = of;
  const params =
    operation.params === undefined ? {} : parseWith(operation.params, context.req.param(), "the path");
  const query = queryOf(context, operation);
  const body =
    operation.body === undefined ? undefined : parseWith(operation.body, await readBody(context), "the body");
  const { services } = options;
  const data = await operation.handle({
    services,
    principal,
    params,
    query,
    body,
    signal: context.req.raw.signal,
  });
  if (operation.audited === true) {
    const to = Object.values(context.req.param())[0];
    const record = { by: principal.name, did: operation.id, outcome: "done" as const };
    await services.audit.write(principal.tenant, typeof to === "string" ? { ...record, to } : record);
  }
  return data;
}

function queryOf(context: Context, operation: Operation): unknown {
  const given = context.req.query();
  if ("token" in given || "access_token" in given || "key" in given) {
    throw new AgentFlowError("invalid_input", "credentials do not travel in an address", {
      reason: "credentials_in_url",
      suggestions: ["send Authorization: Bearer …"],
    });
  }
  return operation.query === undefined ? {} : parseWith(operation.query, given, "the query");
}

async function readBody(context: Context): Promise<unknown> {
  const type = context.req.header("content-type") ?? "";
  if (!/^application\/json(;|$)/i.test(type)) {
    throw new AgentFlowError("invalid_input", "the body must be application/json", {
      reason: "unsupported_media_type",
    });
  }
  const length = Number(context.req.header("content-length") ?? 0);
  if (length > bodyLimits.bytesMax) throw bodyTooLarge();
  return parseJson(await boundedText(context.req.raw));
}

async function boundedText(request: Request): Promise<string> {
  if (request.headers.has("content-length")) return request.text();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bodyLimits.bytesMax) throw bodyTooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function bodyTooLarge(): AgentFlowError {
  return new AgentFlowError("invalid_input", `the body is over ${bodyLimits.bytesMax} bytes`, {
    reason: "body_too_large",
    suggestions: ["put big data into a file or a store and pass where it lies"],
  });
}

export function knockOf(context: Context): Knock {
  return {
    host: context.req.header("host"),
    origin: context.req.header("origin"),
    authorization: context.req.header("authorization"),
  };
}

function identified(context: Context, gate: Gate): Promise<Principal> {
  return gate.identify(knockOf(context));
}

function failure(context: Context, thrown: unknown, options: AppOptions): Response {
  const { status, text, headers, error } = errorAnswer(thrown);
  const operation = context.get("operation") ?? "other";
  if (error.code === "internal") options.log.error("a request failed", { operation, error });
  if (error.code === "unauthenticated" || error.code === "forbidden") {
    options.services.audit.note({ by: "unknown", did: operation, outcome: "refused", reason: error.reason });
  }
  return new Response(text, { status, headers: { ...jsonHeaders, ...headers } });
}
