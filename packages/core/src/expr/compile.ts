import type { Json } from "@agentflow/protocol";
import { type Engine, engineFor } from "./engine.ts";
import { bound } from "./hooks.ts";
import { inspect } from "./inspect.ts";
import { relax } from "./lenient.ts";
import { exprLimits } from "./limits.ts";
import { Lru } from "./lru.ts";
import { type CelNode, isCelNode } from "./node.ts";
import { type PathReader, pathReader } from "./path.ts";
import { type ExprProblem, type Result, problem, problemOf, refusal } from "./problem.ts";
import { type Refs, refsOf } from "./refs.ts";
import { toJson } from "./to-json.ts";

/** The data that an expression sees: plain JSON under the root names. */
export type Scope = { readonly [name: string]: Json | undefined };

export interface Compiled {
  readonly source: string;
  /** Names beside the usual ones that it may read. */
  readonly names: readonly string[];
  readonly refs: Refs;
  /** Never throws, ends within a bounded amount of work, changes nothing. */
  evaluate(scope: Scope): Result<Json>;
}

export interface CompileOptions {
  /** Further root names, such as a second name for `item`. */
  readonly names?: readonly string[];
}

/**
 * Compiles CEL. Refuses syntax errors, what is forbidden (regular expressions) and what is too big; a wrong
 * type or an unknown name is told by `typeOf` and by `evaluate`. The outcome is kept by source, so calling
 * again is cheap.
 */
export function compileExpression(source: string, options: CompileOptions = {}): Compiled | ExprProblem {
  const names = options.names ?? [];
  const key = names.length === 0 ? source : `${names.toSorted().join(" ")}\n${source}`;
  const known = cache.get(key);
  if (known) return known;
  if (source.length > exprLimits.sourceCharsMax) {
    return problem("limit", `the expression is longer than ${exprLimits.sourceCharsMax} characters`);
  }
  const compiled = compile(source, names);
  cache.set(key, compiled);
  return compiled;
}

export function isCompiled(outcome: Compiled | ExprProblem): outcome is Compiled {
  return "evaluate" in outcome;
}

const cache = new Lru<Compiled | ExprProblem>(exprLimits.cacheMax);

function compile(source: string, names: readonly string[]): Compiled | ExprProblem {
  const engine = engineFor(names);
  const parsed = parse(source, engine);
  if ("code" in parsed) return parsed;
  const refs = refsOf(parsed.root, engine.names);
  const run = runnerOf(parsed, engine);
  return { source, names, refs, evaluate: (scope) => evaluate(run, scope, engine) };
}

/** The same without the fast path: what the fast path is held to. */
export function compileInterpreted(source: string): Compiled | ExprProblem {
  const engine = engineFor([]);
  const parsed = parse(source, engine);
  if ("code" in parsed) return parsed;
  const run = interpreterOf(parsed, engine);
  const refs = refsOf(parsed.root, engine.names);
  return { source, names: [], refs, evaluate: (scope) => evaluate(run, scope, engine) };
}

interface Parsed {
  readonly root: CelNode;
  readonly fault: ExprProblem | undefined;
  readonly run: PathReader;
}

function parse(source: string, engine: Engine): Parsed | ExprProblem {
  try {
    const parsed = engine.env.parse(source);
    const root: unknown = parsed.ast;
    if (!isCelNode(root)) throw new TypeError("the parser gave no tree");
    const refused = inspect(root, engine.names);
    if (refused) return refused;
    relax(root, { numbers: "int" });
    const checked = parsed.check();
    const fault = checked.valid ? undefined : problemOf(checked.error);
    const run: PathReader = parsed;
    return { root, fault, run };
  } catch (error) {
    return problemOf(error);
  }
}

function runnerOf(parsed: Parsed, engine: Engine): PathReader {
  const reader = parsed.fault ? undefined : pathReader(parsed.root, engine.names);
  return reader ?? interpreterOf(parsed, engine);
}

function interpreterOf(parsed: Parsed, engine: Engine): PathReader {
  const { fault } = parsed;
  if (fault) {
    return () => {
      throw refusal(fault.code, fault.message, fault.offset);
    };
  }
  bound(parsed.root, engine.names, engine.meter);
  return parsed.run;
}

function evaluate(run: PathReader, scope: Scope, { meter }: Engine): Result<Json> {
  meter.reset();
  try {
    const value = toJson(run(scope));
    // A spent meter counts even where `||` or `exists` swallowed its refusal.
    return meter.refused === undefined ? { ok: true, value } : limitOf(meter.refused);
  } catch (error) {
    return meter.refused === undefined ? { ok: false, problem: problemOf(error) } : limitOf(meter.refused);
  }
}

function limitOf(message: string): Result<Json> {
  return { ok: false, problem: problem("limit", message) };
}
