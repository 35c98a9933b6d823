/** Model calls of a runner: the time they may take, and the pieces of their replies sent on in batches. */
import type { Failure, LivePart, ModelReply } from "@agentflow/protocol";
import type { ModelCall } from "../channel/model-messages.ts";
import { ModelError } from "../model/model-error.ts";
import type { Piece } from "../model/call-house.ts";
import type { Models } from "../model/call-model.ts";

/** Pieces wait so long for others, unless there are many of them. */
const batchMs = 15;
const batchCharsMax = 2_048;
/** A reply whose text has begun goes on within this time, or its connection counts as lost. */
const idleMs = 60_000;
const longer = "raise its timeout or name fallbacks in agentflow.yaml";

export type ModelEnd =
  | { readonly kind: "reply"; readonly reply: ModelReply; readonly firstMs?: number }
  | { readonly kind: "failed"; readonly failure: Failure };

export interface ModelCallHouse {
  readonly models: Models;
  readonly stop: AbortSignal;
  readonly part: (parts: readonly LivePart[]) => void;
}

/** Never throws: how a model call failed is an outcome like another. */
export async function performModel(call: ModelCall, house: ModelCallHouse): Promise<ModelEnd> {
  const started = performance.now();
  let firstMs: number | undefined;
  const time = limitTime(call.model.timeoutMs);
  const batch = batched(call.n, house.part);
  try {
    const reply = await house.models.call(call, {
      signal: AbortSignal.any([house.stop, time.signal]),
      alive: time.alive,
      piece(piece) {
        firstMs ??= Math.round(performance.now() - started);
        // It may think in silence for minutes; what it says comes in a stream.
        if (piece.kind !== "reasoning") time.speaks();
        batch.add(piece);
      },
    });
    batch.flush();
    return { kind: "reply", reply, ...(firstMs === undefined ? {} : { firstMs }) };
  } catch (error) {
    batch.flush();
    const about = `model ${call.name} (${call.model.provider}, ${call.model.model})`;
    return { kind: "failed", failure: asModelError(error).toFailure(about) };
  } finally {
    time.end();
  }
}

function asModelError(error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new ModelError("model_malformed", text.slice(0, 500), { cause: error });
}

interface TimeLimit {
  readonly signal: AbortSignal;
  /** From now on silence counts. */
  speaks(): void;
  alive(): void;
  end(): void;
}

/** Aborts when the whole takes too long, or nothing more comes of what has begun. */
function limitTime(timeoutMs: number): TimeLimit {
  const over = new AbortController();
  const abort = (text: string): void => over.abort(new ModelError("model_timeout", text));
  const whole = setTimeout(() => abort(`no whole answer within ${timeoutMs} ms; ${longer}`), timeoutMs);
  let idle: NodeJS.Timeout | undefined;
  return {
    signal: over.signal,
    speaks() {
      idle ??= setTimeout(() => abort(`the answer stood still for ${idleMs} ms`), idleMs);
    },
    alive() {
      idle?.refresh();
    },
    end() {
      clearTimeout(whole);
      clearTimeout(idle);
    },
  };
}

/** Pieces of one kind that follow each other leave as one part. */
function batched(
  n: number,
  send: (parts: readonly LivePart[]) => void,
): { add: (piece: Piece) => void; flush: () => void } {
  const from = { text: 0, reasoning: 0 };
  let waiting: LivePart[] = [];
  let chars = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    const parts = waiting;
    waiting = [];
    chars = 0;
    send(parts);
  };
  return {
    flush,
    add(piece) {
      if (piece.kind === "call") waiting.push({ kind: "call", n, tool: piece.tool.slice(0, 200) });
      else {
        const { kind, text } = piece;
        const last = waiting.at(-1);
        if (last?.kind === kind) waiting[waiting.length - 1] = { ...last, text: last.text + text };
        else waiting.push({ kind, n, from: from[kind], text });
        from[kind] += text.length;
        chars += text.length;
      }
      if (chars >= batchCharsMax) flush();
      else timer ??= setTimeout(flush, batchMs);
    },
  };
}
