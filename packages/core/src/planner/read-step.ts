/** One step as authored, read with its defaults; names of other steps are not looked at yet. */
import {
  type Json,
  type Join,
  type PlanRetry,
  type PlanStep,
  type PlanUses,
  type PoolName,
  type StepId,
  agentDefaults,
  defaultPool,
  isId,
  readDuration,
} from "@agentflow/protocol";
import { error } from "../plan/findings.ts";
import { planDefaults, planLimits } from "../plan/limits.ts";
import {
  type Shape,
  jsonAt,
  numberAt,
  onlyKeys,
  pathTo,
  required,
  shapeAt,
  textAt,
  textsAt,
  wholeNumberAt,
} from "./shape.ts";

export interface ReadStep {
  readonly id: StepId;
  readonly uses: PlanUses;
  readonly with: Json;
  readonly needs: readonly string[];
  readonly join: Join;
  readonly pool: PoolName;
  readonly retry: PlanRetry;
  readonly if?: string;
  readonly forEach?: ReadForEach;
  readonly timeoutMs?: number;
  readonly catch?: { readonly when?: string; readonly then: Json };
  readonly select?: string;
  readonly approval?: NonNullable<PlanStep["approval"]>;
}

export interface ReadForEach {
  readonly in: string;
  readonly as: string;
  readonly maxParallel: number;
}

/** A step whose `uses` cannot be read is kept as one that does nothing: others may name it. */
export function readStep(id: StepId, shape: Shape): ReadStep {
  onlyKeys(shape, stepKeys);
  required(shape, "uses", usesHint);
  const uses = readUses(shape) ?? { kind: "set" };
  const forEach = readForEach(shape);
  const caught = readCatch(shape);
  const timeoutMs = durationAt(shape, "timeout");
  const condition = textAt(shape, "if");
  const select = textAt(shape, "select");
  const approval = readApproval(shape, uses);
  const rest = {
    needs: textsAt(shape, "needs") ?? [],
    join: readJoin(shape),
    pool: readPool(shape),
    retry: readRetry(shape),
    with: jsonAt(shape, "with") ?? {},
  };
  return {
    id,
    uses,
    ...rest,
    ...(condition === undefined ? {} : { if: condition }),
    ...(forEach === undefined ? {} : { forEach }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(caught === undefined ? {} : { catch: caught }),
    ...(select === undefined ? {} : { select }),
    ...(approval === undefined ? {} : { approval }),
  };
}

export function durationAt(shape: Shape, key: string): number | undefined {
  const text = textAt(shape, key);
  const ms = text === undefined ? undefined : readDuration(text);
  if (text === undefined || (ms !== undefined && ms > 0)) return ms;
  const message = `${JSON.stringify(text.slice(0, 40))} is not a duration`;
  const hint = "write 250ms, 30s, 5m, 24h or 7d; at most 366d, and not nothing";
  error(shape.findings, { code: "AF005", path: pathTo(shape, key), message, hint });
  return undefined;
}

const stepKeys = [
  "description",
  "uses",
  "with",
  "needs",
  "if",
  "join",
  "forEach",
  "retry",
  "timeout",
  "catch",
  "select",
  "pool",
  "approval",
];
const usesHint = "tool:<file>.<export>, agent:<name>, human:approve, set, wait or emit";

function readUses(shape: Shape): PlanUses | undefined {
  const text = textAt(shape, "uses");
  if (text === undefined) return undefined;
  if (text === "set" || text === "wait" || text === "emit") return { kind: text };
  if (text === "human:approve") return { kind: "human", name: "approve" };
  const colon = text.indexOf(":");
  const [kind, name] = [text.slice(0, colon), text.slice(colon + 1)];
  if ((kind === "tool" || kind === "agent") && isId(kind, name)) return { kind, name };
  const path = pathTo(shape, "uses");
  const message = `${JSON.stringify(text.slice(0, 80))} is nothing that a step can use`;
  error(shape.findings, { code: "AF006", path, message, hint: usesHint });
  return undefined;
}

/** A question to a person has one whatever is written: how long an answer is waited for. */
function readApproval(shape: Shape, uses: PlanUses): ReadStep["approval"] {
  const given = { expiresMs: agentDefaults.approvalExpiresMs };
  const isQuestion = uses.kind === "human";
  if (shape.value["approval"] === undefined) return isQuestion ? given : undefined;
  if (!isQuestion && uses.kind !== "tool" && uses.kind !== "agent") {
    const message = `${uses.kind} needs no approval: nothing outside the run changes by it`;
    const hint = "write it at a step that uses a tool or an agent, or ask with uses: human:approve";
    error(shape.findings, { code: "AF006", path: pathTo(shape, "approval"), message, hint });
    return undefined;
  }
  if (shape.value["approval"] === true) return given;
  const inner = shapeAt(shape, "approval");
  if (inner === undefined) return undefined;
  onlyKeys(inner, ["text", "expires"]);
  const text = textAt(inner, "text");
  const expiresMs = durationAt(inner, "expires") ?? given.expiresMs;
  return text === undefined ? { expiresMs } : { text, expiresMs };
}

function readJoin(shape: Shape): Join {
  const text = textAt(shape, "join");
  if (text === undefined || text === "all") return "all";
  if (text === "any" || text === "settled") return text;
  const n = /^n:([1-9][0-9]{0,3})$/.exec(text)?.[1];
  if (n !== undefined) return `n:${Number(n)}`;
  const message = `${JSON.stringify(text.slice(0, 40))} is not a join`;
  error(shape.findings, {
    code: "AF006",
    path: pathTo(shape, "join"),
    message,
    hint: "all, any, settled or n:2",
  });
  return "all";
}

function readPool(shape: Shape): PoolName {
  const text = textAt(shape, "pool");
  if (text === undefined || isId("pool", text)) return text ?? defaultPool;
  const message = `${JSON.stringify(text.slice(0, 80))} is not a name of a pool`;
  const hint = "lower-case letters, digits and dashes, at most 40";
  error(shape.findings, { code: "AF004", path: pathTo(shape, "pool"), message, hint });
  return defaultPool;
}

function readForEach(shape: Shape): ReadForEach | undefined {
  const inner = shapeAt(shape, "forEach");
  if (inner === undefined) return undefined;
  onlyKeys(inner, ["in", "as", "maxParallel"]);
  required(inner, "in", "CEL that gives a list");
  const source = textAt(inner, "in");
  const maxParallel = wholeNumberAt(inner, "maxParallel", { min: 1, max: planLimits.maxParallelMax });
  const as = readName(inner);
  if (source === undefined) return undefined;
  return { in: source, as, maxParallel: maxParallel ?? planDefaults.maxParallel };
}

function readName(shape: Shape): string {
  const name = textAt(shape, "as");
  if (name === undefined) return "item";
  if (isId("step", name) && !taken.includes(name)) return name;
  const message = `${JSON.stringify(name.slice(0, 80))} cannot be a name for the item`;
  const hint = `lower-case letters, digits and underscores, and none of ${taken.join(", ")}`;
  error(shape.findings, { code: "AF004", path: pathTo(shape, "as"), message, hint });
  return "item";
}

const taken = [
  "steps",
  "input",
  "run",
  "event",
  "last",
  "context",
  "bb",
  "output",
  "error",
  "true",
  "false",
  "null",
  "in",
];

function readRetry(shape: Shape): PlanRetry {
  const inner = shapeAt(shape, "retry");
  const { retryMax, backoffMs, factor, maxBackoffMs } = planDefaults;
  if (inner === undefined) return { max: retryMax, backoffMs, factor, maxBackoffMs, nonRetryable: [] };
  onlyKeys(inner, ["max", "backoff", "factor", "maxBackoff", "nonRetryable"]);
  required(inner, "max", "attempts in all, the first included");
  const first = durationAt(inner, "backoff") ?? backoffMs;
  return {
    max: wholeNumberAt(inner, "max", { min: 1, max: planLimits.retryMax }) ?? retryMax,
    backoffMs: first,
    factor: numberAt(inner, "factor", { min: 1, max: 100 }) ?? factor,
    maxBackoffMs: durationAt(inner, "maxBackoff") ?? Math.max(first, maxBackoffMs),
    nonRetryable: textsAt(inner, "nonRetryable") ?? [],
  };
}

function readCatch(shape: Shape): ReadStep["catch"] {
  const inner = shapeAt(shape, "catch");
  if (inner === undefined) return undefined;
  onlyKeys(inner, ["when", "then"]);
  required(inner, "then", "the name of a handler step, or a value that becomes the step's output");
  const when = textAt(inner, "when");
  const then = jsonAt(inner, "then");
  if (then === undefined) return undefined;
  return when === undefined ? { then } : { when, then };
}
