/** Branded ids and their grammar. An id is checked where it enters; after that its type is the proof. */
import { AgentFlowError } from "./errors.ts";

declare const idBrand: unique symbol;
/** Exported so that other packages can name types that they infer from ids. */
export interface IdBrand<Name extends string> {
  readonly [idBrand]: Name;
}
type Id<Name extends string> = string & IdBrand<Name>;

export type TenantId = Id<"tenant">;
export type RunId = Id<"run">;
export type StepId = Id<"step">;
/** The step, or `<step>~<n>` for a forEach item; nested `~<n>~<m>`. */
export type StepInstance = Id<"step instance">;
export type WorkflowName = Id<"workflow">;
export type AgentName = Id<"agent">;
/** `<file>.<export>`. */
export type ToolName = Id<"tool">;
export type PoolName = Id<"pool">;
export type ProjectName = Id<"project">;
/** 12 lower-case hex digits of the content's SHA-256, or `dev`. */
export type BuildId = Id<"build">;
export type InputId = Id<"input">;
export type SourceId = Id<"source">;
export type SecretName = Id<"secret">;
/** Full SHA-256 of a definition, lower-case hex. */
export type DefinitionHash = Id<"definition">;
/** One of 64 slices of all runs, `00` to `63`. */
export type Shard = Id<"shard">;
/** `<tenant>:<run>:<input>:<n>`: the id under which a command is sent, again and again if need be. */
export type TaskId = Id<"task">;
export type WorkerId = Id<"worker">;

const name = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const kubernetesName = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

export const grammar = {
  tenant: name,
  workflow: name,
  agent: name,
  secret: name,
  source: name,
  input: name,
  worker: name,
  project: kubernetesName,
  pool: kubernetesName,
  step: /^[a-z][a-z0-9_]{0,62}$/,
  "step instance": /^[a-z][a-z0-9_]{0,62}(~[0-9]{1,6}){0,4}$/,
  tool: /^[a-z0-9][a-z0-9_-]{0,62}\.[a-z][A-Za-z0-9]{0,62}$/,
  run: /^r[0-9a-hjkmnp-tv-z]{26}$/,
  build: /^([0-9a-f]{12}|dev)$/,
  definition: /^[0-9a-f]{64}$/,
  shard: /^([0-5][0-9]|6[0-3])$/,
  task: /^[a-z0-9][a-z0-9_-]{0,62}:r[0-9a-hjkmnp-tv-z]{26}:[a-z0-9][a-z0-9_-]{0,62}:[0-9]{1,6}$/,
} as const satisfies Record<string, RegExp>;

export type IdKind = keyof typeof grammar;
export type IdOf<Kind extends IdKind> = Id<Kind>;

/** The one cast from text to an id. Refuses, naming kind and grammar, what does not match. */
export function parseId<Kind extends IdKind>(kind: Kind, text: unknown): IdOf<Kind> {
  if (isId(kind, text)) return text;
  const shown = JSON.stringify(typeof text === "string" ? text.slice(0, 80) : text) ?? "nothing";
  throw new AgentFlowError("invalid_input", `${shown} is not a valid ${kind} id`, {
    reason: "invalid_id",
    details: { kind, grammar: grammar[kind].source },
    suggestions: [`a ${kind} id matches ${grammar[kind].source}`],
  });
}

export function isId<Kind extends IdKind>(kind: Kind, text: unknown): text is IdOf<Kind> {
  return typeof text === "string" && grammar[kind].test(text);
}

const crockford = "0123456789abcdefghjkmnpqrstvwxyz";

/** A run id from 48 bits of Unix milliseconds and 80 random bits (10 bytes). */
export function makeRunId(atMs: number, random: Uint8Array): RunId {
  if (!Number.isInteger(atMs) || atMs < 0 || atMs >= 2 ** 48 || random.length < 10) {
    throw new AgentFlowError("internal", "a run id needs 48 bits of milliseconds and 10 random bytes");
  }
  let text = "r";
  let time = atMs;
  const head: string[] = [];
  for (let i = 0; i < 10; i++) {
    head.unshift(crockford.charAt(time % 32));
    time = Math.floor(time / 32);
  }
  text += head.join("");
  let bits = 0;
  let value = 0;
  for (const byte of random.subarray(0, 10)) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += crockford.charAt((value >>> bits) & 31);
    }
    value &= (1 << bits) - 1;
  }
  return text as RunId;
}

/** When a run id was made, in Unix milliseconds; 0 for one made from a request key. */
export function runIdTime(run: RunId): number {
  let time = 0;
  for (const letter of run.slice(1, 11)) time = time * 32 + crockford.indexOf(letter);
  return time;
}

/** The shard of a run: the first 6 bits of the SHA-256 of its id. The caller brings the digest. */
export function shardOfDigest(sha256: Uint8Array): Shard {
  return String((sha256[0] ?? 0) >>> 2).padStart(2, "0") as Shard;
}

export function makeTaskId(of: { tenant: TenantId; run: RunId; input: InputId; n: number }): TaskId {
  return `${of.tenant}:${of.run}:${of.input}:${of.n}` as TaskId;
}

/** The parts of a task id that was checked by `parseId`. */
export function splitTaskId(task: TaskId): { tenant: TenantId; run: RunId; input: InputId; n: number } {
  const [tenant = "", run = "", input = "", n = "0"] = task.split(":");
  return { tenant: tenant as TenantId, run: run as RunId, input: input as InputId, n: Number(n) };
}

/** The instance of a step for one forEach item. */
export function itemInstance(step: StepId | StepInstance, item: number): StepInstance {
  return `${step}~${item}` as StepInstance;
}

/** The step an instance belongs to, and its item path (empty for the step itself). */
export function splitInstance(instance: StepInstance): { step: StepId; items: readonly number[] } {
  const [step = "", ...items] = instance.split("~");
  return { step: step as StepId, items: items.map(Number) };
}

/** A step as the instance that stands for all of it. */
export function wholeStep(step: StepId): StepInstance {
  return step as string as StepInstance;
}

export const defaultTenant = "default" as TenantId;
export const devBuild = "dev" as BuildId;
export const defaultPool = "default" as PoolName;
