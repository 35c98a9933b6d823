/**
 * The two halves of Standard Schema (https://standardschema.dev) that we use: validation, and the JSON Schema
 * of input and output. Zod 4 has both; any library that has them will do.
 */
import { AgentFlowError, type JsonSchema } from "@agentflow/protocol";
import { parseJsonSchema } from "./parse-schema.ts";

export interface Schema<In = unknown, Out = In> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Validated<Out> | Promise<Validated<Out>>;
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
    readonly jsonSchema?: {
      readonly input: (options: { target: "draft-2020-12" }) => unknown;
      readonly output: (options: { target: "draft-2020-12" }) => unknown;
    };
  };
}

type Validated<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a caller may pass in, before defaults and coercion. */
export type InputOf<S> = S extends Schema<infer In, infer _Out> ? In : never;
/** What comes out of validation. */
export type OutputOf<S> = S extends Schema<infer _In, infer Out> ? Out : never;

/** The value as the schema gives it back; refuses with `invalid_input` and every issue's path. */
export async function validate<Out>(
  schema: Schema<unknown, Out>,
  value: unknown,
  what: string,
): Promise<Out> {
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return result.value;
  const issues = result.issues
    .slice(0, 20)
    .map((issue) => ({ path: pointer(issue), message: issue.message }));
  const first = issues[0];
  // The value itself has no path to name.
  const where = first === undefined || first.path === "" ? what : `${what}: ${first.path}`;
  throw new AgentFlowError("invalid_input", `${where}: ${first?.message ?? "invalid"}`, {
    reason: "schema_violation",
    details: { issues },
  });
}

function pointer(issue: SchemaIssue): string {
  const parts = (issue.path ?? []).map((part) => (typeof part === "object" ? part.key : part));
  return parts.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The JSON Schema of one side, without its `$schema` key; undefined when the library has none to give. */
export function jsonSchemaOf(schema: Schema, side: "input" | "output"): JsonSchema | undefined {
  const made = schema["~standard"].jsonSchema?.[side]({ target: "draft-2020-12" });
  if (typeof made !== "object" || made === null) return undefined;
  return parseJsonSchema(JSON.stringify(made));
}
