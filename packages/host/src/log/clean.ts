import { AgentFlowError, type Json } from "@agentflow/protocol";
import { isSecretKey, redacted, type Secrets } from "./secrets.ts";

export const logLimits = {
  messageBytesMax: 8 * 1024,
  fieldBytesMax: 8 * 1024,
  lineBytesMax: 32 * 1024,
  depthMax: 6,
  itemsMax: 100,
  framesMax: 8,
} as const;

export interface CleanOptions {
  readonly secrets: Secrets;
  /** Off by default: messages may carry users' data, and logs travel. The code and the frames always show. */
  readonly errorMessages: boolean;
}

/** Any value as bounded plain JSON without secrets: what may stand in a log's fields. Never throws. */
export function cleanFields(fields: object, options: CleanOptions): { [key: string]: Json } {
  return cleanObject(fields, options, 0);
}

/** The text, cut with a marker that names its size. A secret is removed before the cut, not halved by it. */
export function boundText(text: string, bytesMax: number, secrets: Secrets): string {
  // A UTF-16 unit takes at most three bytes, so a short text needs no counting.
  if (text.length * 3 <= bytesMax) return text;
  const bytes = Buffer.byteLength(text);
  if (bytes <= bytesMax) return text;
  // Twice the bound is enough to see every secret that could cross the cut.
  const safe = Buffer.from(secrets.redact(text.slice(0, 2 * bytesMax)));
  const kept = safe
    .subarray(0, bytesMax)
    .toString("utf8")
    .replace(/\ufffd$/, "");
  return `${kept}… [cut: ${bytes} bytes]`;
}

function cleanObject(value: object, options: CleanOptions, depth: number): { [key: string]: Json } {
  const out: { [key: string]: Json } = {};
  let count = 0;
  for (const key of Object.keys(value)) {
    if (key === "__proto__") continue;
    if (++count > logLimits.itemsMax) {
      out["…"] = `${Object.keys(value).length - logLimits.itemsMax} more`;
      break;
    }
    const item = isSecretKey(key)
      ? hideValue(read(value, key))
      : cleanValue(read(value, key), options, depth + 1);
    if (item !== undefined) out[key] = item;
  }
  return out;
}

/** A getter may throw, and a log line may not. */
function read(value: object, key: string): unknown {
  try {
    return Reflect.get(value, key);
  } catch {
    return "[unreadable]";
  }
}

/** That a secret is absent is worth knowing and gives nothing away. */
function hideValue(value: unknown): Json | undefined {
  if (value === undefined || value === null || value === "") return value ?? undefined;
  return redacted;
}

function cleanValue(value: unknown, options: CleanOptions, depth: number): Json | undefined {
  switch (typeof value) {
    case "string":
      return options.secrets.redact(boundText(value, logLimits.fieldBytesMax, options.secrets));
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    case "bigint":
      return String(value);
    case "object":
      return value === null ? null : cleanThing(value, options, depth);
    default:
      return undefined;
  }
}

function cleanThing(value: object, options: CleanOptions, depth: number): Json {
  if (value instanceof Error) return cleanError(value, options, depth);
  if (depth >= logLimits.depthMax) return "[too deep]";
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[no date]" : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return cleanList(value, options, depth);
  if (value instanceof Map || value instanceof Set) return `[${value.size} entries]`;
  return cleanObject(value, options, depth);
}

function cleanList(list: readonly unknown[], options: CleanOptions, depth: number): Json {
  const items = list.slice(0, logLimits.itemsMax).map((item) => cleanValue(item, options, depth + 1) ?? null);
  return list.length > logLimits.itemsMax ? [...items, `${list.length - logLimits.itemsMax} more`] : items;
}

function cleanError(error: Error, options: CleanOptions, depth: number): Json {
  const message = boundText(error.message, 1024, options.secrets);
  const cause = error.cause instanceof Error && depth < 3 ? error.cause : undefined;
  return {
    ...(AgentFlowError.is(error) ? { code: error.code, reason: error.reason } : foreignCode(error)),
    ...(options.errorMessages ? { message } : {}),
    frames: framesOf(error),
    ...(cause === undefined ? {} : { cause: cleanError(cause, options, depth + 1) }),
  };
}

function foreignCode(error: Error): { [key: string]: Json } {
  const code = read(error, "code");
  return { code: typeof code === "string" ? code : "thrown", name: String(error.name).slice(0, 100) };
}

/** The stack without its first lines: those repeat the message. */
function framesOf(error: Error): string[] {
  const lines = String(error.stack ?? "")
    .split("\n")
    .map((line) => line.trim());
  return lines.filter((line) => /^at .*:\d+:\d+\)?$/.test(line)).slice(0, logLimits.framesMax);
}
