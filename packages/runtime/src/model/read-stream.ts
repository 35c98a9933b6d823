/** Reads the parts of a model's stream: pieces for those who watch, and the whole reply at its end. */
import type {
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from "@ai-sdk/provider";
import type { FinishReason, JsonObject, ModelReply, ReplyPart, Usage } from "@agentflow/protocol";
import type { Piece } from "./call-house.ts";
import { argumentsOf, countReply } from "./check-reply.ts";
import { ModelError } from "./model-error.ts";
import { plainMeta } from "./parse-v4.ts";

interface OpenPart {
  readonly kind: "text" | "reasoning";
  text: string;
  meta: JsonObject | undefined;
}

export class ReplyReader {
  readonly #piece: (piece: Piece) => void;
  readonly #meant: (tool: string) => string;
  readonly #parts: (OpenPart | Extract<ReplyPart, { kind: "call" }>)[] = [];
  readonly #open = new Map<string, OpenPart>();
  readonly #told = new Set<string>();
  #facts: { model?: string; id?: string } = {};
  #finish: { reason: LanguageModelV4FinishReason; usage: LanguageModelV4Usage } | undefined;
  #fault: { readonly error: unknown } | undefined;
  #chars = 0;

  constructor(of: { piece: (piece: Piece) => void; meant: (tool: string) => string }) {
    this.#piece = of.piece;
    this.#meant = of.meant;
  }

  read(part: LanguageModelV4StreamPart): void {
    switch (part.type) {
      case "text-start":
      case "reasoning-start":
        this.#begin(part.id, part.type === "text-start" ? "text" : "reasoning", part.providerMetadata);
        return;
      case "text-delta":
      case "reasoning-delta":
        this.#add(part.id, part.type === "text-delta" ? "text" : "reasoning", part);
        return;
      case "text-end":
      case "reasoning-end":
        this.#note(this.#open.get(part.id), part.providerMetadata);
        return;
      case "tool-input-start":
        this.#tell(part.id, part.toolName);
        return;
      case "tool-input-delta":
        this.#count(part.delta.length);
        return;
      case "tool-call":
        this.#call(part);
        return;
      case "response-metadata":
        if (part.modelId !== undefined) this.#facts.model = part.modelId;
        if (part.id !== undefined) this.#facts.id = part.id;
        return;
      case "finish":
        this.#finish = { reason: part.finishReason, usage: part.usage };
        return;
      case "error":
        this.#fault ??= { error: part.error };
        return;
      default:
        return;
    }
  }

  /** The whole reply. Throws what the stream said of its own failure, or that it was cut short. */
  reply(): ModelReply {
    if (this.#fault !== undefined) throw this.#fault.error;
    const finish = this.#finish;
    if (finish === undefined || isCut(finish.reason)) throw cutShort();
    return {
      parts: this.#parts.flatMap((part) => (part.kind === "call" ? [part] : closed(part))),
      finish: finishOf(finish.reason),
      usage: usageOf(finish.usage),
      ...this.#facts,
    };
  }

  #begin(id: string, kind: OpenPart["kind"], meta: unknown): OpenPart {
    const part: OpenPart = { kind, text: "", meta: plainMeta(meta) };
    this.#open.set(id, part);
    this.#parts.push(part);
    return part;
  }

  #add(id: string, kind: OpenPart["kind"], of: { delta: string; providerMetadata?: unknown }): void {
    const part = this.#open.get(id) ?? this.#begin(id, kind, undefined);
    this.#note(part, of.providerMetadata);
    if (of.delta === "") return;
    this.#count(of.delta.length);
    part.text += of.delta;
    this.#piece({ kind: part.kind, text: of.delta });
  }

  #note(part: OpenPart | undefined, said: unknown): void {
    const meta = plainMeta(said);
    if (part === undefined || meta === undefined) return;
    part.meta = merged(part.meta ?? {}, meta);
  }

  #call(part: Extract<LanguageModelV4StreamPart, { type: "tool-call" }>): void {
    // What the provider ran itself is none of our calls.
    if (part.providerExecuted === true) return;
    this.#tell(part.toolCallId, part.toolName);
    const meta = plainMeta(part.providerMetadata);
    this.#parts.push({
      kind: "call",
      id: part.toolCallId,
      tool: this.#meant(part.toolName),
      ...argumentsOf(part.input),
      ...(meta === undefined ? {} : { meta }),
    });
  }

  #tell(id: string, toolName: string): void {
    if (this.#told.has(id)) return;
    this.#told.add(id);
    this.#piece({ kind: "call", tool: this.#meant(toolName) });
  }

  #count(chars: number): void {
    this.#chars += chars;
    countReply(this.#chars, this.#parts.length);
  }
}

/** A client whose stream just ends makes up a finish, for which the provider gave no reason. */
function isCut({ unified, raw }: LanguageModelV4FinishReason): boolean {
  return unified === "interrupted" || (raw === undefined && (unified === "other" || unified === "error"));
}

export function cutShort(): ModelError {
  return new ModelError("model_unavailable", "the stream ended before the reply did");
}

function closed({ kind, text, meta }: OpenPart): ReplyPart[] {
  // A reasoning part without text may hold what the provider wants to see again.
  if (text === "" && meta === undefined) return [];
  return [{ kind, text, ...(meta === undefined ? {} : { meta }) }];
}

function merged(before: JsonObject, said: JsonObject): JsonObject {
  const all: { [key: string]: JsonObject[string] } = { ...before };
  for (const [key, value] of Object.entries(said)) {
    const old = all[key];
    all[key] = isObject(old) && isObject(value) ? { ...old, ...value } : value;
  }
  return all;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function finishOf({ unified }: LanguageModelV4FinishReason): FinishReason {
  switch (unified) {
    case "tool-calls":
      return "tool_calls";
    case "content-filter":
      return "content_filter";
    case "interrupted":
      return "other";
    default:
      return unified;
  }
}

function usageOf(usage: LanguageModelV4Usage): Usage {
  const { inputTokens, outputTokens } = usage;
  return {
    inputTokens: count(inputTokens?.total),
    outputTokens: count(outputTokens?.total),
    ...some("cacheReadTokens", inputTokens?.cacheRead),
    ...some("cacheWriteTokens", inputTokens?.cacheWrite),
    ...some("reasoningTokens", outputTokens?.reasoning),
  };
}

function some<K extends string>(key: K, tokens: number | undefined): { readonly [key in K]?: number } {
  const counted = count(tokens);
  const given: { [key in K]?: number } = {};
  if (counted > 0) given[key] = counted;
  return given;
}

function count(tokens: number | undefined): number {
  return tokens === undefined || !Number.isFinite(tokens) ? 0 : Math.max(0, Math.round(tokens));
}
