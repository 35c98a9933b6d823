import type { Environment } from "@marcbachmann/cel-js";
import type { JsonSchema } from "@agentflow/protocol";
import type { Compiled } from "./compile.ts";
import { emptyEnvironment, rootNames } from "./engine.ts";
import { relax } from "./lenient.ts";
import { Meter } from "./meter.ts";
import { children, isCelNode } from "./node.ts";
import { type ExprProblem, type Result, problem, problemOf } from "./problem.ts";
import { SchemaTypes } from "./schema-types.ts";
import { didYouMean } from "./suggest.ts";

/** Schemas of root names; a name without one may hold anything. */
export type Types = { readonly [name: string]: JsonSchema | undefined };

export interface Inferred {
  /** The type in CEL's words, for people. */
  readonly cel: string;
  /** What is known of the value; `{}` when nothing is. */
  readonly schema: JsonSchema;
}

/**
 * What an expression gives when its names hold what the schemas say, or why it cannot work: an unknown name
 * or key (with what may have been meant), operands that do not fit. Whatever no schema tells is taken to be
 * right.
 */
export function typeOf(compiled: Compiled, types: Types): Result<Inferred> {
  const checking = checkingFor(types, compiled.names);
  try {
    const parsed = checking.env.parse(compiled.source);
    const root: unknown = parsed.ast;
    if (isCelNode(root)) relax(root, { numbers: "double" });
    const checked = parsed.check();
    if (!checked.valid || checked.type === undefined) {
      return { ok: false, problem: explained(checked.error, checking) };
    }
    return {
      ok: true,
      value: { cel: readable(checked.type), schema: checking.types.schemaOf(checked.type) },
    };
  } catch (error) {
    return { ok: false, problem: explained(error, checking) };
  }
}

interface Checking {
  readonly env: Environment;
  readonly types: SchemaTypes;
  readonly names: readonly string[];
}

const checkings = new WeakMap<Types, Map<string, Checking>>();

/** Environments are costly to make and a plan checks many expressions against the same types. */
function checkingFor(types: Types, extra: readonly string[]): Checking {
  const byNames = checkings.get(types) ?? new Map<string, Checking>();
  checkings.set(types, byNames);
  const key = extra.join(" ");
  const known = byNames.get(key);
  if (known) return known;
  const env = emptyEnvironment(new Meter());
  const schemaTypes = new SchemaTypes(env);
  const names = [...new Set([...rootNames, ...extra])];
  for (const name of names) env.registerVariable(name, schemaTypes.typeOf(types[name]));
  const made = { env, types: schemaTypes, names };
  byNames.set(key, made);
  return made;
}

function explained(error: unknown, checking: Checking): ExprProblem {
  const found = problemOf(error);
  return problem(found.code, readable(found.message) + hint(found, error, checking), found.offset);
}

function hint(found: ExprProblem, error: unknown, { types, names }: Checking): string {
  const written = /^(?:No such key|Unknown variable): (.+)$/.exec(found.message)?.[1];
  if (written === undefined) return "";
  if (found.code === "unknown_name") return didYouMean(written, names);
  const node: unknown =
    typeof error === "object" && error !== null && "node" in error ? error.node : undefined;
  const owner = isCelNode(node) ? children(node)[0] : undefined;
  if (!owner) return "";
  const where = ` in ${owner.input.slice(owner.start, owner.end)}`;
  return where + didYouMean(written, types.keysOf(owner.checkedType?.name ?? ""));
}

function readable(text: string): string {
  return text.replaceAll(/object_\d+/g, "object").replaceAll(/\bdouble\b/g, "number");
}
