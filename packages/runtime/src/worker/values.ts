/**
 * Values on their way in and out of a task: references become data before the call, big data a blob after it.
 */
import { type Blobs } from "@agentflow/bus";
import {
  AgentFlowError,
  type Failure,
  type Json,
  type Outcome,
  type Task,
  type Value,
  blobRefKey,
  inlineBytesMax,
  isInline,
  isTooDeep,
} from "@agentflow/protocol";
import { parseJson } from "../channel/parse-json.ts";
import type { CallEnd } from "../channel/runner-messages.ts";
import type { CompileSelect } from "./select.ts";

/** What the values of a task need of its worker. */
export interface ValueHouse {
  readonly blobs: Blobs;
  readonly compileSelect: CompileSelect;
}

/**
 * The task's input as plain JSON. Throws `not_found` when a blob is gone, `forbidden` for another tenant's.
 */
export async function resolveInput(task: Task, blobs: Blobs): Promise<Json> {
  if (!isInline(task.with)) return readBlob(task.with.blob, task, blobs);
  return holdsReference(task.with.inline) ? resolveInside(task.with.inline, task, blobs) : task.with.inline;
}

function holdsReference(value: Json): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(holdsReference);
  return blobRefKey in value || Object.values(value).some(holdsReference);
}

async function resolveInside(value: Json, task: Task, blobs: Blobs): Promise<Json> {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Promise.all(value.map((item: Json) => resolveInside(item, task, blobs)));
  const key = blobKeyOf(value);
  if (key !== undefined) return readBlob(key, task, blobs);
  const entries = Object.entries(value).map(
    async ([name, inner]): Promise<[string, Json]> => [name, await resolveInside(inner, task, blobs)],
  );
  return Object.fromEntries(await Promise.all(entries));
}

function blobKeyOf(value: Json): string | undefined {
  if (typeof value !== "object" || value === null || !(blobRefKey in value)) return undefined;
  const inside = Object.entries(value).find(([name]) => name === blobRefKey)?.[1];
  if (typeof inside !== "object" || inside === null || !("blob" in inside)) return undefined;
  return typeof inside.blob === "string" ? inside.blob : undefined;
}

async function readBlob(key: string, task: Task, blobs: Blobs): Promise<Json> {
  if (!key.startsWith(`${task.tenant}/`)) {
    throw new AgentFlowError("forbidden", "a value of another tenant", { reason: "tenant_mismatch" });
  }
  const bytes = await blobs.get(key);
  if (bytes === undefined) throw new AgentFlowError("not_found", `the stored value ${key} is gone`);
  return parseJson(new TextDecoder().decode(bytes));
}

/** What a call's end means for the run. Writes a big output as a blob before it is named. */
export async function outcomeOf(end: CallEnd, task: Task, house: ValueHouse): Promise<Outcome> {
  if (end.kind === "failed") {
    const { retryable } = end;
    const failure = withoutTunnel(end.failure);
    return { kind: "failed", failure, ...(retryable === undefined ? {} : { retryable }) };
  }
  if (end.kind === "reply")
    return { kind: "lost", reason: "the runner answered a call as if it were a model" };
  if (end.kind === "output" && isBeyond(end.output)) {
    const message = "an output came as a short one that is longer, or nested deeper, than one may be";
    return { kind: "failed", failure: { code: "limit_exceeded", message }, retryable: false };
  }
  const output = end.kind === "big" ? await storeBig(end, task, house.blobs) : { inline: end.output };
  const whole = task.select === undefined ? null : end.kind === "big" ? parseJson(end.text) : end.output;
  return outcomeOfValue({ output, whole }, task, house);
}

/** `whole` is the output itself, where the step looks into it. */
export async function outcomeOfValue(
  { output, whole }: { readonly output: Value; readonly whole: Json },
  task: Task,
  house: ValueHouse,
): Promise<Outcome> {
  if (task.select === undefined) return { kind: "succeeded", output };
  const compiled = await house.compileSelect(task.select);
  return selectFrom(whole, compiled, output);
}

/** A runner measures what it says; code that speaks in its place does not. */
function isBeyond(output: Json): boolean {
  if (output === null || typeof output === "number" || typeof output === "boolean") return false;
  const text = JSON.stringify(output);
  if (isTooDeep(text)) return true;
  return text.length * 3 > inlineBytesMax && Buffer.byteLength(text) > inlineBytesMax;
}

function withoutTunnel(failure: Failure): Failure {
  if (!isTooDeep(JSON.stringify(failure))) return failure;
  return { code: failure.code, message: failure.message };
}

async function storeBig(
  end: { readonly text: string; readonly sha256: string; readonly bytes: number },
  task: Task,
  blobs: Blobs,
): Promise<Value> {
  const key = `${task.tenant}/${task.run}/${end.sha256}`;
  await blobs.put(key, new TextEncoder().encode(end.text));
  return { blob: key, bytes: end.bytes };
}

function selectFrom(whole: Json, compiled: Awaited<ReturnType<CompileSelect>>, output: Value): Outcome {
  const result =
    "evaluate" in compiled ? compiled.evaluate({ output: whole }) : { ok: false as const, problem: compiled };
  if (result.ok) return { kind: "succeeded", output, selected: result.value };
  const message = `select: ${result.problem.message}`;
  return { kind: "failed", failure: { code: "select_failed", message }, retryable: false };
}
