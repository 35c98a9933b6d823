/** Runs calls: validates the input, calls user code with its context, validates and measures the output. */
import {
  AgentFlowError,
  type Failure,
  type Json,
  type LivePart,
  type LogLevel,
  type LogRecord,
  type SpanRecord,
  inlineBytesMax,
  isTooDeep,
  outputDepthMax,
  toFailure,
} from "@agentflow/protocol";
import { type CallContext, type CallLog, type SpanContext, validate } from "@agentflow/sdk";
import { createHash, randomBytes } from "node:crypto";
import { type Call, type CallEnd, outputBytesMax } from "../channel/runner-messages.ts";
import type { ModelCall } from "../channel/model-messages.ts";
import { parseJson } from "../channel/parse-json.ts";
import { formatTraceparent, parseTraceparent } from "@agentflow/host/trace-context";
import type { Models } from "../model/call-model.ts";
import { attached } from "./attached.ts";
import type { LoadedProject } from "./load.ts";
import { type ModelEnd, performModel } from "./model-calls.ts";
import { placeText } from "./place.ts";

export interface Calls {
  call(id: number, call: Call | ModelCall): void;
  stop(id: number, reason: string): void;
  readonly open: number;
}

interface CallsOptions {
  readonly project: LoadedProject;
  readonly projectDir: string;
  /** The project's folder when left out. */
  readonly filesDir?: string;
  readonly done: (id: number, end: CallEnd) => void;
  readonly tell: (record: LogRecord | SpanRecord) => void;
  /** What there is to see of a call while it goes on. */
  readonly part?: (id: number, parts: readonly LivePart[]) => void;
}

export function createCalls(options: CallsOptions): Calls {
  const running = new Map<number, AbortController>();
  const askModel = modelAsker(options);
  const run = async (id: number, call: Call | ModelCall): Promise<void> => {
    const stop = new AbortController();
    running.set(id, stop);
    const startedAt = new Date();
    const started = performance.now();
    const end =
      call.kind === "model"
        ? await askModel(id, call, stop.signal)
        : await settle(() => perform({ id, call, signal: stop.signal }, options), options.projectDir);
    running.delete(id);
    const ms = Math.round((performance.now() - started) * 100) / 100;
    const facts = { startedAt: startedAt.toISOString(), ms };
    try {
      options.done(id, { ...end, ...facts });
    } catch (error) {
      // What cannot be said, such as a value nested too deeply, must not cost the other calls here.
      options.done(id, {
        kind: "failed",
        failure: failureOf(error, options.projectDir),
        retryable: false,
        ...facts,
      });
    }
  };
  return {
    call: (id, call) => void run(id, call),
    stop: (id, reason) =>
      running.get(id)?.abort(new AgentFlowError("timeout", reason, { reason: "stopped" })),
    get open() {
      return running.size;
    },
  };
}

/** What speaks to models is loaded by the first call of one, and the runner starts without it. */
function modelAsker(
  options: CallsOptions,
): (id: number, call: ModelCall, stop: AbortSignal) => Promise<ModelEnd> {
  let models: Promise<Models> | undefined;
  return async (id, call, stop) => {
    models ??= import("../model/call-model.ts").then(({ createModels }) => createModels(options.projectDir));
    return performModel(call, { models: await models, stop, part: (parts) => options.part?.(id, parts) });
  };
}

type End = { kind: "output"; output: Json } | { kind: "big"; text: string; sha256: string; bytes: number };

const neverAgain: ReadonlySet<string | undefined> = new Set([
  "schema_violation",
  "output_too_big",
  "output_too_deep",
]);

async function settle(
  work: () => Promise<End>,
  projectDir: string,
): Promise<End | { kind: "failed"; failure: Failure; retryable?: boolean }> {
  try {
    return await work();
  } catch (error) {
    // A value that does not match a schema will not match it the next time either. And a call whose output is
    // of no use was made: it is not made again for that.
    const never = AgentFlowError.is(error) && neverAgain.has(error.reason);
    return { kind: "failed", failure: failureOf(error, projectDir), ...(never ? { retryable: false } : {}) };
  }
}

/** With the line of the project that threw, under `at`: a message alone is rarely enough to find it. */
function failureOf(error: unknown, projectDir: string): Failure {
  const { details, ...failure } = toFailure(error);
  const place = placeText(error, projectDir);
  if (details === undefined && place === undefined) return failure;
  return {
    ...failure,
    details: { ...(place === undefined ? {} : { at: place }), ...attached(details ?? {}) },
  };
}

interface Performed {
  readonly id: number;
  readonly call: Call;
  readonly signal: AbortSignal;
}

async function perform({ id, call, signal }: Performed, options: CallsOptions): Promise<End> {
  const { project } = options;
  const found = call.kind === "tool" ? project.tools.get(call.name) : project.agents.get(call.name);
  if (found === undefined) {
    throw new AgentFlowError("not_found", `this project has no ${call.kind} ${call.name}`, {
      reason: "unknown_callable",
      suggestions: ["af validate", `af ${call.kind} list`],
    });
  }
  const definition = found.options;
  const what = `${call.kind} ${call.name}`;
  const input = await validate(definition.input, call.input, `input of ${what}`);
  const key =
    "idempotencyKey" in definition ? definition.idempotencyKey?.(input, { callId: call.callId }) : undefined;
  const context = contextOf({ id, call, signal, options, callId: key ?? call.callId });
  const output = await validate(definition.output, await definition.run(input, context), `output of ${what}`);
  return measured(output, what);
}

function measured(output: unknown, what: string): End {
  const text = written(output, what);
  if (text.length * 3 <= inlineBytesMax) return { kind: "output", output: plain(output, text) };
  const bytes = Buffer.byteLength(text);
  if (bytes <= inlineBytesMax) return { kind: "output", output: parseJson(text) };
  if (bytes > outputBytesMax) {
    throw new AgentFlowError(
      "limit_exceeded",
      `output of ${what} is ${bytes} bytes, over ${outputBytesMax}`,
      {
        reason: "output_too_big",
        suggestions: ["write big data to a file or a store and return where it lies"],
      },
    );
  }
  return { kind: "big", text, bytes, sha256: createHash("sha256").update(text).digest("hex") };
}

/** Whoever decides on it walks through it, and has only so much stack. */
function written(output: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(output ?? null) ?? "null";
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  if (text !== undefined && !isTooDeep(text)) return text;
  throw new AgentFlowError(
    "limit_exceeded",
    `output of ${what} is nested deeper than ${outputDepthMax} levels`,
    {
      reason: "output_too_deep",
      suggestions: ["flatten it, or write it to a file or a store and return where it lies"],
    },
  );
}

/** What JSON makes of the value; a primitive is its own JSON. */
function plain(output: unknown, text: string): Json {
  if (typeof output === "string" || typeof output === "boolean") return output;
  return parseJson(text);
}

function contextOf(of: Performed & { options: CallsOptions; callId: string }): CallContext {
  const { id, call, signal, options, callId } = of;
  return {
    signal,
    callId,
    run: call.run,
    workflow: call.workflow,
    step: call.step,
    attempt: call.attempt,
    projectDir: options.projectDir,
    filesDir: options.filesDir ?? options.projectDir,
    traceparent: call.traceparent ?? "",
    log: callLog(call, options.tell),
    secrets: {
      get(name) {
        const value = call.secrets?.[name];
        if (value !== undefined) return value;
        throw new AgentFlowError("not_found", `this call has no secret ${name}`, {
          reason: "unknown_secret",
        });
      },
    },
    progress(message, data) {
      const text = String(message).slice(0, progressCharsMax);
      const more = data === undefined ? {} : { data: attached(data) };
      options.part?.(id, [{ kind: "progress", call: call.callId, message: text, ...more }]);
    },
    span: (name, work, attributes) => inSpan({ call, name, tell: options.tell, attributes }, work),
  };
}

const progressCharsMax = 1_000;

function callLog(call: Call, tell: (record: LogRecord) => void): CallLog {
  const trace = parseTraceparent(call.traceparent)?.trace;
  const say =
    (level: LogLevel) =>
    (message: string, fields?: { readonly [key: string]: Json }): void =>
      tell({
        kind: "log",
        at: new Date().toISOString(),
        level,
        source: call.kind,
        name: call.name,
        message: String(message).slice(0, 8_192),
        run: call.run,
        step: call.step,
        attempt: call.attempt,
        ...(trace === undefined ? {} : { trace }),
        ...(fields === undefined ? {} : { fields: attached(fields) }),
      });
  return { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
}

async function inSpan<T>(
  of: {
    call: Call;
    name: string;
    tell: (record: SpanRecord) => void;
    attributes: { readonly [key: string]: Json } | undefined;
  },
  work: (span: SpanContext) => Promise<T> | T,
): Promise<T> {
  const { call } = of;
  const parent = parseTraceparent(call.traceparent);
  const trace = parent?.trace ?? "";
  const span = randomBytes(8).toString("hex");
  const traceparent = parent === undefined ? "" : formatTraceparent({ trace, span, sampled: parent.sampled });
  const startedAt = new Date().toISOString();
  const started = performance.now();
  const end = (ok: boolean): void =>
    of.tell({
      kind: "span",
      trace,
      span,
      ...(parent === undefined ? {} : { parent: parent.span }),
      name: of.name.slice(0, 120),
      startedAt,
      ms: performance.now() - started,
      ok,
      run: call.run,
      step: call.step,
      attempt: call.attempt,
      ...(of.attributes === undefined ? {} : { attributes: attached(of.attributes) }),
    });
  try {
    const result = await work({ traceparent });
    end(true);
    return result;
  } catch (error) {
    end(false);
    throw error;
  }
}
