/** The operations' table as an OpenAPI 3.1 document. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { apiSchemas } from "@agentflow/protocol/schema";
import { z } from "zod";
import { backupQuery } from "./backups.ts";
import { busTailQuery } from "./operations/bus.ts";
import { telemetryStreamQuery } from "./operations/installation.ts";
import type { Operation } from "./parse-operation.ts";

/** The whole document: every operation, the streams beside them, and the socket in words. */
export function openApiText(operations: readonly Operation[], version: string): string {
  const app = new OpenAPIHono();
  const registry = app.openAPIRegistry;
  registry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  registry.registerComponent("schemas", "Refusal", refusalSchema());
  const named = new Map<string, object>();
  for (const operation of operations) registry.registerPath(pathOf(operation, named));
  for (const [name, schema] of named) registry.registerComponent("schemas", name, schema);
  for (const stream of streams) registry.registerPath(streamPathOf(stream));
  registry.registerPath(backupPath());
  return JSON.stringify(
    app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: {
        title: "AgentFlow",
        version,
        description:
          "Runs, workflows, workers and telemetry of an installation. `GET /v1/socket` upgrades to a " +
          "WebSocket (subprotocol `agentflow`) that starts, awaits and follows many runs a frame.",
        license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
      },
    }),
  );
}

type PathConfig = Parameters<OpenAPIHono["openAPIRegistry"]["registerPath"]>[0];

function pathOf(operation: Operation, named: Map<string, object>): PathConfig {
  const { id, method, path, summary, tag, scope } = operation;
  const done = envelope({ data: schemaOf(operation.answer, { id, io: "output", named }) });
  const statuses = operation.statuses ?? [200];
  const said = statuses.map((status) => [status, answer(saidBy[status] ?? "Done", done)] as const);
  return {
    operationId: id,
    method,
    path,
    summary,
    tags: [tag],
    security: [{ bearer: [] }],
    description: `Needs the scope \`${scope}\`.`,
    request: requestOf(operation, named),
    responses: { ...Object.fromEntries(said), default: refusal() },
  };
}

const saidBy: { readonly [status: number]: string } = {
  200: "Done",
  201: "Made",
  202: "Accepted; it goes on",
};

interface Place {
  /** The operation's. */
  readonly id: string;
  readonly io: "input" | "output";
  /** Where the parts that have a name are gathered. */
  readonly named: Map<string, object>;
}

/** A schema of an operation; its named parts stand among the document's own. */
function schemaOf(schema: z.ZodType, { id, io, named }: Place): object {
  const { $defs = {}, ...rest } = apiSchemas.toJsonSchema(schema, io);
  const placeOf = (name: string): string => (name.startsWith("__") ? `${id}${name}` : name);
  const moved = (value: object): object => {
    const text = JSON.stringify(value).replace(/"#\/\$defs\/([^"]+)"/g, (_, name: string) => {
      return JSON.stringify(`#/components/schemas/${placeOf(name)}`);
    });
    return JSON.parse(text) as object;
  };
  for (const [name, part] of Object.entries($defs as { readonly [name: string]: object })) {
    named.set(placeOf(name), moved(part));
  }
  return moved(rest);
}

function requestOf(operation: Operation, named: Map<string, object>): NonNullable<PathConfig["request"]> {
  const { id, params, query, body } = operation;
  return {
    ...(params === undefined ? {} : { params: objectOf(params) }),
    ...(query === undefined ? {} : { query: objectOf(query) }),
    ...(body === undefined
      ? {}
      : {
          body: {
            required: true,
            content: { "application/json": { schema: schemaOf(body, { id, io: "input", named }) } },
          },
        }),
  };
}

interface Stream {
  readonly id: string;
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly query: z.ZodType;
}

const streams: readonly Stream[] = [
  {
    id: "followRuns",
    path: "/v1/events",
    tag: "runs",
    summary:
      "Events of many runs as they happen, with live=1 also what agents do; `id` resumes, `end` ends it.",
    query: z.strictObject({
      runs: z.string().exactOptional(),
      after: z.string().max(500).exactOptional(),
      /** 1: also journals and what agents tell live, of named runs. */
      live: z.enum(["0", "1"]).exactOptional(),
    }),
  },
  {
    id: "followTelemetry",
    path: "/v1/telemetry/stream",
    tag: "telemetry",
    summary:
      "Logs and spans as they come; with `events` also starts and ends of runs, or all events. `id` resumes.",
    query: telemetryStreamQuery,
  },
  {
    id: "tailBus",
    path: "/v1/bus/tail",
    tag: "bus",
    summary:
      "What comes over the bus from now on: `kinds` of commits, journals, tasks, inputs, telemetry, dead, " +
      "with commas. Nothing resumes it; `missed` counts what its reader was too slow for.",
    query: busTailQuery,
  },
];

function streamPathOf({ id, path, tag, summary, query }: Stream): PathConfig {
  return {
    operationId: id,
    method: "get",
    path,
    summary,
    tags: [tag],
    security: [{ bearer: [] }],
    description: "Needs the scope `runs:read`.",
    request: { query: objectOf(query) },
    responses: {
      200: {
        description: "Server-sent messages",
        content: { "text/event-stream": { schema: { type: "string" } } },
      },
      default: refusal(),
    },
  };
}

function backupPath(): PathConfig {
  return {
    operationId: "backup",
    method: "get",
    path: "/v1/backup",
    summary: "A consistent copy of the whole installation, made while it runs: the file of `af backup`.",
    tags: ["installation"],
    security: [{ bearer: [] }],
    description: "Needs the scope `backup`. The file is whole only when its last record is there.",
    request: { query: objectOf(backupQuery) },
    responses: {
      200: {
        description: "Records as lines of JSON, compressed with zstd",
        content: { "application/zstd": { schema: { type: "string", format: "binary" } } },
      },
      default: refusal(),
    },
  };
}

type ObjectSchema = NonNullable<NonNullable<PathConfig["request"]>["query"]>;

function objectOf(schema: unknown): ObjectSchema {
  return schema as ObjectSchema;
}

type Answer = PathConfig["responses"][string];

function answer(description: string, schema: object): Answer {
  return { description, content: { "application/json": { schema } } };
}

function refusal(): Answer {
  return answer("Refused or failed; `code` says what to do", { $ref: "#/components/schemas/Refusal" });
}

interface EnvelopeSchema {
  readonly type: "object";
  readonly required: string[];
  readonly properties: { readonly [key: string]: object };
}

function refusalSchema(): EnvelopeSchema {
  return envelope({ error: apiSchemas.toJsonSchema(apiSchemas.errorBody) });
}

function envelope(rest: { readonly [key: string]: object }): EnvelopeSchema {
  const properties = { v: { const: 1 }, ok: { const: "data" in rest }, ...rest };
  return { type: "object", required: Object.keys(properties), properties };
}
