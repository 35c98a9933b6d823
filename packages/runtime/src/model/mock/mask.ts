/** Keys and secrets out of what is recorded. */
import { Buffer } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { createSecrets } from "@agentflow/host/log";
import type { Json } from "@agentflow/protocol";
import { isObject, listOf } from "../json.ts";
import { parseJson } from "../parse-json.ts";
import { eventPayloads } from "./event-stream.ts";

/** Nothing else of a request's or an answer's headers is kept. */
const keptHeaders: readonly string[] = [
  "content-type",
  "accept",
  "anthropic-version",
  "anthropic-beta",
  "retry-after",
  "retry-after-ms",
  "x-amzn-errortype",
];
const keptQuery: readonly string[] = ["alt", "api-version"];

/** Keys as providers make them. */
const keyPatterns: readonly RegExp[] = [
  /\b(?:sk|pk|rk|gsk|xai|r8|hf|ghp|gho|ghs|github_pat|glpat)[-_][A-Za-z0-9_-]{16,}/g,
  /\bAIza[A-Za-z0-9_-]{30,}/g,
  /\bxox[abprs]-[A-Za-z0-9-]{10,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bABSK[A-Za-z0-9+/=]{20,}/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+/g,
  /\bBearer [A-Za-z0-9._~+/=-]{16,}/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?/g,
];

const mark = "[redacted]";

export interface Mask {
  /** Hides a value in all that is masked from now on. */
  learn(value: string): void;
  text(text: string): string;
  /** Undefined: it holds a secret in a form that cannot be masked without breaking it. */
  body(bytes: Buffer): MaskedBody | undefined;
}

/** Text, or bytes that are none. */
export type MaskedBody = string | { readonly base64: string };

export function createMask(values: readonly string[] = []): Mask {
  const secrets = createSecrets();
  for (const value of values) secrets.register(value);
  const known = new Set(values);
  const text = (given: string): string => {
    let masked = secrets.redact(given);
    for (const pattern of keyPatterns) masked = masked.replace(pattern, mark);
    return masked;
  };
  return {
    learn(value) {
      if (known.has(value)) return;
      known.add(value);
      secrets.register(value);
    },
    text,
    body(bytes) {
      const asText = bytes.toString("utf8");
      if (Buffer.from(asText, "utf8").equals(bytes)) {
        const masked = text(asText);
        return isSpreadOut(jsonIn(masked), text) ? undefined : masked;
      }
      // Bytes with lengths and checksums: what is masked in them is broken.
      const latin = bytes.toString("latin1");
      if (text(latin) !== latin || isSpreadOut(eventPayloads(bytes), text)) return undefined;
      return { base64: bytes.toString("base64") };
    },
  };
}

export function maskedHeaders(
  headers: IncomingHttpHeaders | Headers,
  mask: Mask,
): { readonly [name: string]: string } {
  const get = (name: string): string | undefined => {
    if (headers instanceof Headers) return headers.get(name) ?? undefined;
    const value = headers[name];
    return typeof value === "string" ? value : undefined;
  };
  const kept = keptHeaders.flatMap((name) => {
    const value = get(name);
    return value === undefined ? [] : [[name, mask.text(value)] as const];
  });
  return Object.fromEntries(kept);
}

/** Path and query without what may be a key. */
export function maskedPath(url: URL, mask: Mask): string {
  const kept = keptQuery.flatMap((name) => {
    const value = url.searchParams.get(name);
    return value === null ? [] : [`${name}=${encodeURIComponent(value)}`];
  });
  const query = kept.length === 0 ? "" : `?${kept.join("&")}`;
  return mask.text(`${url.pathname}${query}`);
}

/**
 * Whether a secret stands in a stream, spread over its pieces: a model says it a few letters at a time. The
 * pieces of each key are put together and looked at as one text.
 */
function isSpreadOut(texts: readonly string[], masked: (text: string) => string): boolean {
  if (texts.length < 2) return false;
  const byKey = new Map<string, string[]>();
  for (const text of texts) gather(parseJson(text) ?? null, "", byKey);
  return [...byKey.values()].some((pieces) => {
    const whole = pieces.join("");
    return masked(whole) !== whole;
  });
}

/** The JSON objects of a stream of events or lines. */
function jsonIn(stream: string): readonly string[] {
  return [...stream.matchAll(/\{.*\}/g)].map(([found]) => found);
}

function gather(value: Json, key: string, into: Map<string, string[]>): void {
  if (typeof value === "string") {
    const texts = into.get(key);
    if (texts === undefined) into.set(key, [value]);
    else texts.push(value);
  } else if (isObject(value)) {
    for (const [name, item] of Object.entries(value)) gather(item, name, into);
  } else {
    for (const item of listOf(value)) gather(item, key, into);
  }
}
