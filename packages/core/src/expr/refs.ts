import { type CelNode, children, operands } from "./node.ts";

export interface Segment {
  readonly key: string | number;
  /** Written `.?key` or `[?key]`, after one that was, or asked for by `has()` or `in`. */
  readonly optional: boolean;
}

/** One place where an expression reads data, as far as its keys are written out. */
export interface PathRef {
  readonly root: string;
  readonly segments: readonly Segment[];
}

export interface StepRef {
  readonly step: string;
  /**
   * The expression stands without this step: each access is optional, or one is asked for by `has()` or `in`
   * first.
   */
  readonly optional: boolean;
  /**
   * The expression is `steps.x.output` and nothing more (or with `.?`, `.orValue(null)`): the value passes
   * as it is.
   */
  readonly whole: boolean;
}

export interface Refs {
  readonly steps: readonly StepRef[];
  /** `steps` itself is read, or by a key that is computed: any step may be meant. */
  readonly anyStep: boolean;
  readonly paths: readonly PathRef[];
}

/** What an expression reads of its root names. */
export function refsOf(node: CelNode, names: ReadonlySet<string>): Refs {
  const paths: PathRef[] = [];
  const guards = new Set<string>();
  collect(node, { names, paths, guards });
  const whole = wholeOutput(node);
  const ofSteps = paths.filter((path) => path.root === "steps");
  const ids = new Set(ofSteps.flatMap(({ segments: [first] }) => (first ? [String(first.key)] : [])));
  const steps = [...ids].map((step) => ({
    step,
    optional: guards.has(step) || ofSteps.every(({ segments: [s] }) => !s || s.key !== step || s.optional),
    whole: whole === step,
  }));
  return { steps, anyStep: ofSteps.some((path) => path.segments.length === 0), paths };
}

/** The refs of many expressions together; `whole` only where a single expression names the step. */
export function unionOf(all: readonly Refs[]): Refs {
  const steps = new Map<string, StepRef>();
  for (const ref of all.flatMap((refs) => refs.steps)) {
    const known = steps.get(ref.step);
    const both = known && {
      step: ref.step,
      optional: known.optional && ref.optional,
      whole: known.whole && ref.whole,
    };
    steps.set(ref.step, both ?? ref);
  }
  const paths = all.flatMap((refs) => refs.paths);
  return { steps: [...steps.values()], anyStep: all.some((refs) => refs.anyStep), paths };
}

interface Found {
  readonly names: ReadonlySet<string>;
  readonly paths: PathRef[];
  readonly guards: Set<string>;
}

function collect(node: CelNode, found: Found): void {
  const asked = askedFor(node);
  const chain = chainOf(asked ?? node);
  if (chain && found.names.has(chain.root)) {
    const segments = asked ? lastOptional(chain.segments) : chain.segments;
    found.paths.push({ root: chain.root, segments });
    const [step] = segments;
    if (asked && chain.root === "steps" && step?.optional) found.guards.add(String(step.key));
    for (const index of chain.indexes) collect(index, found);
    return;
  }
  if (isKeyIn(node, found.names)) {
    const [key, holder] = children(node);
    found.paths.push({ root: String(holder?.args), segments: [{ key: String(key?.args), optional: true }] });
    if (holder?.args === "steps") found.guards.add(String(key?.args));
    return;
  }
  for (const child of children(node)) collect(child, found);
}

/** The argument of `has(…)`. */
function askedFor(node: CelNode): CelNode | undefined {
  return node.op === "call" && operands(node)[0] === "has" ? children(node)[0] : undefined;
}

/** `"key" in steps`. */
function isKeyIn(node: CelNode, names: ReadonlySet<string>): boolean {
  if (node.op !== "in") return false;
  const [key, holder] = children(node);
  return (
    typeof key?.args === "string" &&
    key.op === "value" &&
    holder?.op === "id" &&
    names.has(String(holder.args))
  );
}

function lastOptional(segments: readonly Segment[]): Segment[] {
  return segments.map((segment, i) => (i === segments.length - 1 ? { ...segment, optional: true } : segment));
}

interface Chain {
  readonly root: string;
  readonly segments: readonly Segment[];
  /** Computed keys, which end the chain but may read data themselves. */
  readonly indexes: readonly CelNode[];
}

/** `a.b["c"].?d` as a root and its keys, up to the first key that is computed. */
function chainOf(node: CelNode): Chain | undefined {
  const accesses: CelNode[] = [];
  let at: CelNode | undefined = node;
  while (at && isAccess(at)) {
    accesses.unshift(at);
    at = children(at)[0];
  }
  if (at?.op !== "id") return undefined;
  const segments: Segment[] = [];
  const indexes: CelNode[] = [];
  let open = true;
  for (const access of accesses) {
    const key = literalKey(access);
    const optional = access.op === ".?" || access.op === "[?]" || (segments.at(-1)?.optional ?? false);
    if (open && key !== undefined) segments.push({ key, optional });
    else open = false;
    if (key === undefined) indexes.push(...children(access).slice(1));
  }
  return { root: String(at.args), segments, indexes };
}

export function isAccess(node: CelNode): boolean {
  return node.op === "." || node.op === ".?" || node.op === "[]" || node.op === "[?]";
}

/** The key of an access when it is written out: a name, a string or a whole number. */
export function literalKey(access: CelNode): string | number | undefined {
  const [, key] = operands(access);
  if (typeof key === "string") return key;
  const literal = children(access)[1];
  if (literal?.op !== "value") return undefined;
  if (typeof literal.args === "string") return literal.args;
  return typeof literal.args === "bigint" ? Number(literal.args) : undefined;
}

function wholeOutput(node: CelNode): string | undefined {
  const inner = withoutNullDefault(node);
  const chain = chainOf(inner);
  if (!isAccess(inner) || chain?.root !== "steps" || chain.indexes.length > 0) return undefined;
  const [step, output, ...more] = chain.segments;
  return step && output?.key === "output" && more.length === 0 ? String(step.key) : undefined;
}

/** `x.orValue(null)` gives what `x` alone gives: an absent value is null either way. */
function withoutNullDefault(node: CelNode): CelNode {
  if (node.op !== "rcall" || operands(node)[0] !== "orValue") return node;
  const [receiver, value] = children(node);
  return receiver && value?.op === "value" && value.args === null ? receiver : node;
}
