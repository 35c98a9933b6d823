/** The subject grammar. Subjects are built and parsed here and nowhere else. */
import {
  type BuildId,
  type PoolName,
  type RunId,
  type Shard,
  type SourceId,
  type StepInstance,
  type TenantId,
  isId,
} from "./ids.ts";

export declare const subjectBrand: unique symbol;
export type Subject = string & { readonly [subjectBrand]: true };

/** Records of the whole installation; no tenant id can be this. */
export const installationToken = "_";

/** What a subject may begin with; the second token names the stream. */
export type StreamName = "log" | "task" | "in" | "dead" | "audit" | "tele" | "live" | "reg";

type TenantToken = TenantId | typeof installationToken;

export const subjects = {
  run: (of: { shard: Shard; tenant: TenantId; run: RunId }): Subject =>
    `af.log.${of.shard}.${of.tenant}.run.${of.run}` as Subject,
  turn: (of: { shard: Shard; tenant: TenantId; run: RunId; step: StepInstance }): Subject =>
    `af.log.${of.shard}.${of.tenant}.turn.${of.run}.${of.step}` as Subject,
  task: (of: { tenant: TenantId; pool: PoolName; build: BuildId }): Subject =>
    `af.task.${of.tenant}.${of.pool}.${of.build}` as Subject,
  in: (of: { shard: Shard; tenant: TenantId }): Subject => `af.in.${of.shard}.${of.tenant}` as Subject,
  dead: (of: { tenant: TenantId; pool: PoolName }): Subject => `af.dead.${of.tenant}.${of.pool}` as Subject,
  audit: (tenant: TenantToken): Subject => `af.audit.${tenant}` as Subject,
  tele: (of: { tenant: TenantToken; source: SourceId }): Subject =>
    `af.tele.${of.tenant}.${of.source}` as Subject,
  live: (of: { tenant: TenantId; run: RunId }): Subject => `af.live.${of.tenant}.${of.run}` as Subject,
  reg: (tenant: TenantId): Subject => `af.reg.${tenant}` as Subject,
} as const;

/** Prefixes of subjects, each ending in a dot: what `tail` and `serve` take to mean "and all below". */
export const prefixes = {
  log: "af.log." as Subject,
  shard: (shard: Shard): Subject => `af.log.${shard}.` as Subject,
  /** The journals of a run's steps. */
  turns: (of: { shard: Shard; tenant: TenantId; run: RunId }): Subject =>
    `af.log.${of.shard}.${of.tenant}.turn.${of.run}.` as Subject,
  in: (shard: Shard): Subject => `af.in.${shard}.` as Subject,
  /** Tasks of one tenant, or of all. */
  tasks: (tenant?: TenantId): Subject => `af.task.${tenant === undefined ? "" : `${tenant}.`}` as Subject,
  dead: "af.dead." as Subject,
  deadOf: (tenant: TenantId): Subject => `af.dead.${tenant}.` as Subject,
  audit: "af.audit." as Subject,
  tele: "af.tele." as Subject,
  reg: "af.reg." as Subject,
} as const;

export type ParsedLogSubject =
  | { kind: "run"; shard: Shard; tenant: TenantId; run: RunId }
  | { kind: "turn"; shard: Shard; tenant: TenantId; run: RunId; step: StepInstance };

/** The parts of a log subject, or undefined when it is none of ours: a reader skips and counts it. */
export function parseLogSubject(subject: string): ParsedLogSubject | undefined {
  const [af, log, shard, tenant, kind, run, step, ...rest] = subject.split(".");
  if (af !== "af" || log !== "log" || rest.length > 0) return undefined;
  if (!isId("shard", shard) || !isId("tenant", tenant) || !isId("run", run)) return undefined;
  if (kind === "run" && step === undefined) return { kind, shard, tenant, run };
  if (kind === "turn" && isId("step instance", step)) return { kind, shard, tenant, run, step };
  return undefined;
}

/** The tenant and pool a task subject names, or undefined when it is none of ours. */
export function parseTaskSubject(
  subject: string,
): { tenant: TenantId; pool: PoolName; build: BuildId } | undefined {
  const [af, task, tenant, pool, build, ...rest] = subject.split(".");
  if (af !== "af" || task !== "task" || rest.length > 0) return undefined;
  if (!isId("tenant", tenant) || !isId("pool", pool) || !isId("build", build)) return undefined;
  return { tenant, pool, build };
}

/** The tenant that a subject `af.in.<shard>.<tenant>` names; the subject wins over any body. */
export function parseInSubject(subject: string): { shard: Shard; tenant: TenantId } | undefined {
  const [af, word, shard, tenant, ...rest] = subject.split(".");
  if (af !== "af" || word !== "in" || rest.length > 0) return undefined;
  if (!isId("shard", shard) || !isId("tenant", tenant)) return undefined;
  return { shard, tenant };
}

/** The tenant that a subject `af.reg.<tenant>` names; the subject wins over any body. */
export function parseRegSubject(subject: string): TenantId | undefined {
  const [af, word, tenant, ...rest] = subject.split(".");
  return af === "af" && word === "reg" && rest.length === 0 && isId("tenant", tenant) ? tenant : undefined;
}

/** The stream of a subject, by its second token; undefined for a subject that is not ours. */
export function streamOf(subject: string): StreamName | undefined {
  const word = /^af\.(log|task|in|dead|audit|tele|live|reg)\./.exec(subject)?.[1];
  return word === undefined ? undefined : (word as StreamName);
}

const subjectPattern = /^af\.[a-z]+(\.[A-Za-z0-9_~-]{1,120}){1,6}$/;

/** True for text that may be handed to a bus: at most 400 characters, plain tokens, no wildcard. */
export function isSubject(text: string): text is Subject {
  return text.length <= 400 && subjectPattern.test(text);
}
