/** How a call in a sandbox ended, in words that lead to the cause. */
import { type Failure, type SandboxApplied, isTooDeep } from "@agentflow/protocol";
import { hash } from "node:crypto";
import { parseJson } from "../channel/parse-json.ts";
import { type Call, type CallEnd, outputBytesMax } from "../channel/runner-messages.ts";
import type { CallLost } from "../worker/runner-port.ts";
import type { SandboxExit } from "./source.ts";

/** What is known of an end that brought no answer. */
export interface SandboxEnding {
  /** Why the supervisor ended it. */
  readonly killed?: string;
  readonly flood?: string;
  readonly broken?: string;
  readonly uncaught?: string;
  /** Its channel held what is no frame. */
  readonly badFrame?: boolean;
  readonly exit?: SandboxExit;
  /** Its program said a word. */
  readonly began?: boolean;
}

interface EndedCall {
  readonly call: Call;
  readonly applied: SandboxApplied;
  readonly isIrreversible: boolean;
}

/** Filled in by whoever counts the time. */
const untimed = { startedAt: "1970-01-01T00:00:00.000Z", ms: 0 } as const;
const sigabrt = 134;
const bySignal = 128;

export function whyEnded(ending: SandboxEnding, of: EndedCall): CallEnd | CallLost {
  const { killed } = ending;
  if (killed !== undefined) return { kind: "lost", reason: killed };
  const failure = failureOf(ending, of);
  // It had begun: whether it was done, nobody here can say.
  if (of.isIrreversible && ending.broken === undefined && failure.code !== "sandbox_unavailable") {
    return { kind: "lost", reason: `${failure.code}: ${failure.message}` };
  }
  return { kind: "failed", failure, ...untimed };
}

function failureOf(ending: SandboxEnding, { call, applied }: EndedCall): Failure {
  const { flood, broken, uncaught, exit, badFrame } = ending;
  const { code = -1, outOfMemory = false, why } = exit ?? {};
  const of = `the sandbox of ${call.name}`;
  if (broken !== undefined) {
    return { code: "sandbox_not_loaded", message: `${call.name} does not load in its sandbox: ${broken}` };
  }
  if (flood !== undefined) return { code: "sandbox_output_limit", message: `${of} was ended: ${flood}` };
  if (badFrame === true) {
    const message = `${of} was ended: what it wrote to its channel is no message`;
    return { code: "sandbox_channel_broken", message };
  }
  if (outOfMemory || code === sigabrt) {
    const { memoryMb } = applied;
    const message = `${of} ran out of memory: ${memoryMb} MiB are all it has (sandbox.memoryMb)`;
    return { code: "sandbox_out_of_memory", message };
  }
  if (uncaught !== undefined) {
    return { code: "sandbox_exited", message: `${of} ended by an error that nobody caught: ${uncaught}` };
  }
  if (why !== undefined) {
    return { code: "sandbox_exited", message: `${of} was ended without an answer: ${why}` };
  }
  // By itself, and not because somebody ended it.
  if (ending.began === false && code > 0 && code < bySignal) {
    const image = applied.image.slice(0, 19);
    const what = `the image ${image} does not start our program (exit code ${code})`;
    const next = "it is no worker image of this release: af image build makes one, sandbox.image names one";
    const message = `no sandbox: ${what}; ${next}`;
    return { code: "sandbox_unavailable", message };
  }
  const how = code < 0 ? "the engine says nothing of how" : `exit code ${code}`;
  return { code: "sandbox_exited", message: `${of} ended without an answer (${how})` };
}

const messageCharsMax = 2_000;
const detailsCharsMax = 16_384;
const failureCode = /^[a-z0-9_]{1,63}$/;

/** An answer with nothing in it that only we may say: hashes are made anew, failures cut to size. */
export function checkedEnd(end: CallEnd, call: Call): CallEnd {
  switch (end.kind) {
    case "output":
      return { kind: "output", output: end.output, ...untimed };
    case "big":
      return checkedBig(end.text, call);
    case "failed":
      return {
        kind: "failed",
        failure: checkedFailure(end.failure),
        ...(end.retryable === false ? { retryable: false } : {}),
        ...untimed,
      };
    default:
      return notAnOutput(call, "it answered as if it were a model");
  }
}

function checkedBig(text: string, call: Call): CallEnd {
  const bytes = Buffer.byteLength(text);
  if (bytes > outputBytesMax) return notAnOutput(call, `its output is over ${outputBytesMax} bytes`);
  if (isTooDeep(text)) return notAnOutput(call, "its output is nested too deeply");
  try {
    parseJson(text);
  } catch {
    return notAnOutput(call, "its output is no JSON");
  }
  return { kind: "big", text, bytes, sha256: hash("sha256", text), ...untimed };
}

function checkedFailure({ code, message, details }: Failure): Failure {
  const text = details === undefined ? "" : JSON.stringify(details);
  const isKept = text !== "" && text.length <= detailsCharsMax && !isTooDeep(text);
  return {
    code: failureCode.test(code) ? code : "thrown",
    message: message.slice(0, messageCharsMax),
    ...(isKept && details !== undefined ? { details } : {}),
  };
}

function notAnOutput({ name }: Call, why: string): CallEnd {
  const failure = { code: "sandbox_bad_answer", message: `the sandbox of ${name}: ${why}` };
  return { kind: "failed", failure, retryable: false, ...untimed };
}
