import {
  AgentFlowError,
  type BuildId,
  inlineBytesMax,
  inputText,
  instant,
  type Json,
  parseId,
  runIdTime,
  type StartInput,
  type StartRunBody,
  type Value,
} from "@agentflow/protocol";
import { parseTraceparent } from "./traceparent.ts";
import { canonicalJson, sha256 } from "../registry/canonical.ts";
import type { VersionHead } from "../registry/parse-head.ts";
import type { RunRef } from "./run-ref.ts";

const inputBytesMax = 8 * 1024 * 1024;
const labelsMax = 32;
const labelPattern = /^[A-Za-z0-9]([A-Za-z0-9_./-]{0,61}[A-Za-z0-9])?$/;
const labelValueMax = 200;
/** A clock may be wrong by a day; an id from further ahead could outlive its archive. */
const aheadMsMax = 86_400_000;

/** A run's input as it will stand in its first commit, and the bytes to store first when it is big. */
export interface PreparedInput {
  readonly value: Value;
  readonly blob?: { readonly key: string; readonly bytes: Uint8Array };
}

export function prepareInput(ref: RunRef, input: Json): PreparedInput {
  const text = inputText(input);
  // A character is at most three bytes: short texts need no counting.
  if (text.length * 3 <= inlineBytesMax || Buffer.byteLength(text) <= inlineBytesMax)
    return { value: { inline: input } };
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > inputBytesMax) {
    throw new AgentFlowError("limit_exceeded", `the input is over ${inputBytesMax} bytes`, {
      reason: "input_too_big",
      details: { bytes: bytes.length, bytesMax: inputBytesMax },
    });
  }
  const key = `${ref.tenant}/${ref.run}/${sha256(text)}`;
  return { value: { blob: key, bytes: bytes.length }, blob: { key, bytes } };
}

/** What the client asked for, as one hash: the same id with another is a conflict. */
export function fingerprintOf({ workflow, version, input, labels, timeoutMs }: StartRunBody): string {
  return sha256(canonicalJson({ workflow, version, input, labels, timeoutMs }));
}

export function makeStartInput(of: {
  readonly body: StartRunBody;
  readonly head: VersionHead;
  readonly build: BuildId;
  readonly value: Value;
  readonly nowMs: number;
}): StartInput {
  const { body, head, build, value, nowMs } = of;
  const { labels, timeoutMs } = body;
  const traceparent = parseTraceparent(body.traceparent);
  return {
    kind: "start",
    id: startId,
    at: instant(nowMs),
    workflow: body.workflow,
    version: head.version,
    plan: head.plan,
    build,
    input: value,
    fingerprint: fingerprintOf(body),
    ...(labels === undefined ? {} : { labels }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

const startId = parseId("input", "start");

/** Refuses what the schema of the API does not look at: ids from the future, labels that are none. */
export function checkStart(body: StartRunBody, nowMs: number): void {
  const run = parseId("run", body.run);
  if (runIdTime(run) > nowMs + aheadMsMax)
    throw invalid("run_id_ahead", "the run id's time lies in the future");
  const labels = Object.entries(body.labels ?? {});
  if (labels.length > labelsMax) throw invalid("labels_too_many", `at most ${labelsMax} labels`);
  for (const [name, value] of labels) {
    if (labelPattern.test(name) && value.length <= labelValueMax) continue;
    throw invalid(
      "invalid_label",
      `${JSON.stringify(name.slice(0, 70))} is not a label, or its value is too long`,
    );
  }
  const { timeoutMs } = body;
  if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs > 0)) {
    throw invalid("invalid_timeout", "timeoutMs is a whole number above 0");
  }
}

function invalid(reason: string, message: string): AgentFlowError {
  return new AgentFlowError("invalid_input", message, { reason });
}
