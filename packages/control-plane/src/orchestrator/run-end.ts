import type { Blobs } from "@agentflow/bus";
import { AgentFlowError, isInline, type RunAnswer, type RunId, type Value } from "@agentflow/protocol";
import type { RunEnd } from "./hand-on.ts";
import { parseBlobJson } from "./parse-blob.ts";

const outputBytesMax = 8 * 1024 * 1024;

/** The end of a run as its waiters get it; undefined when the output has to be fetched first. */
export function answerOfEnd(run: RunId, { revision, event }: RunEnd): RunAnswer | undefined {
  switch (event.kind) {
    case "run_completed":
      if (!isInline(event.output)) return undefined;
      return { run, status: "completed", revision, output: event.output.inline };
    case "run_failed":
      return { run, status: "failed", revision, failure: event.failure };
    case "run_cancelled":
      return { run, status: "cancelled", revision, failure: { code: "cancelled", message: event.reason } };
    default:
      return undefined;
  }
}

/** As `answerOfEnd`, with a big output fetched whole. */
export async function fetchAnswer(blobs: Blobs, run: RunId, end: RunEnd): Promise<RunAnswer> {
  const answer = answerOfEnd(run, end);
  if (answer !== undefined || end.event.kind !== "run_completed") {
    return answer ?? { run, status: "running", revision: end.revision };
  }
  const output = await fetchValue(blobs, end.event.output);
  return { run, status: "completed", revision: end.revision, output };
}

/** A value whole, up to 8 MiB; a bigger one stays a reference. */
export async function fetchValue(blobs: Blobs, value: Value) {
  if (isInline(value)) return value.inline;
  if (value.bytes > outputBytesMax) return { blob: value.blob, bytes: value.bytes };
  const bytes = await blobs.get(value.blob);
  if (bytes !== undefined) return parseBlobJson(new TextDecoder().decode(bytes));
  throw new AgentFlowError("not_found", `the stored value ${value.blob} is missing`, {
    reason: "blob_missing",
  });
}
