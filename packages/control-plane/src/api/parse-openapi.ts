/** The operations' table as an OpenAPI 3.1 document. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { apiSchemas } from "@agentflow/protocol/schema";
import type { Operation } from "./parse-operation.ts";

/** Registers each operation with its schemas; the answers are the envelope around `answer`. */
export function describeOperations(app: OpenAPIHono, operations: readonly Operation[]): void {
  const registry = app.openAPIRegistry;
  registry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  for (const operation of operations) registry.registerPath(pathOf(operation));
}

type PathConfig = Parameters<OpenAPIHono["openAPIRegistry"]["registerPath"]>[0];

function pathOf(operation: Operation): PathConfig {
  const { id, method, path, summary, tag, scope } = operation;
  return {
    operationId: id,
    method,
    path,
    summary,
    tags: [tag],
    security: [{ bearer: [] }],
    description: `Needs the scope \`${scope}\`.`,
    request: requestOf(operation),
    responses: {
      [operation.status ?? 200]: answer("Done", {
        ok: { const: true },
        data: apiSchemas.toJsonSchema(operation.answer),
      }),
      default: answer("Refused or failed; `code` says what to do", {
        ok: { const: false },
        error: apiSchemas.toJsonSchema(apiSchemas.errorBody),
      }),
    },
  };
}

function requestOf(operation: Operation): NonNullable<PathConfig["request"]> {
  const { params, query, body } = operation;
  return {
    ...(params === undefined ? {} : { params: objectOf(params) }),
    ...(query === undefined ? {} : { query: objectOf(query) }),
    ...(body === undefined
      ? {}
      : {
          body: {
            required: true,
            content: { "application/json": { schema: apiSchemas.toJsonSchema(body, "input") } },
          },
        }),
  };
}

type ObjectSchema = NonNullable<NonNullable<PathConfig["request"]>["query"]>;

function objectOf(schema: unknown): ObjectSchema {
  return schema as ObjectSchema;
}

function answer(
  description: string,
  properties: { readonly [key: string]: object },
): PathConfig["responses"][string] {
  const schema = {
    type: "object" as const,
    required: ["v", ...Object.keys(properties)],
    properties: { v: { const: 1 }, ...properties },
  };
  return { description, content: { "application/json": { schema } } };
}
