/** Values on their way into a bundle: without what must not be in it. */
import type { Json } from "@agentflow/protocol";

export interface Hiding {
  /** The text without known secrets. */
  redact(text: string): string;
  /** Whether a key is named like one that holds a secret. */
  isSecretKey(key: string): boolean;
}

export interface Hidden {
  readonly value: Json;
  /** How many texts and values were hidden. */
  readonly count: number;
}

const mask = "[redacted]";

/** The same value, with known secrets and what stands under keys named like one hidden. */
export function hideSecrets(value: Json, hiding: Hiding): Hidden {
  let count = 0;
  const text = (whole: string): string => {
    const safe = hiding.redact(whole);
    if (safe !== whole) count++;
    return safe;
  };
  const walk = (one: Json): Json => {
    if (typeof one === "string") return text(one);
    if (Array.isArray(one)) return one.map(walk);
    if (typeof one !== "object" || one === null) return one;
    const pairs = Object.entries(one).map(([key, inner]): [string, Json] => {
      if (!hiding.isSecretKey(key) || inner === null || inner === "") return [text(key), walk(inner)];
      count++;
      return [key, mask];
    });
    return Object.fromEntries(pairs);
  };
  return { value: walk(value), count };
}

/** Values by reference or inline, texts, and lists of what was said: what people put in and got out. */
const values: ReadonlySet<string> = new Set(["input", "output", "messages", "selected", "given", "data"]);
/** Events whose `input` is the id of an input. */
const inputIds: ReadonlySet<unknown> = new Set(["task_dispatched", "task_resent", "attempt_started"]);
const texts: ReadonlySet<string> = new Set(["text", "instructions", "problem", "comment", "message"]);
const contentOfSpans =
  /^gen_ai\.(input\.messages|output\.messages|system_instructions|tool\.call\.(arguments|result))$/;

/** The same record with the same shape, but nothing of what went in or came out. Names and codes stay. */
export function leaveContentOut(value: Json): Json {
  if (Array.isArray(value)) return value.map(leaveContentOut);
  if (typeof value !== "object" || value === null) return value;
  const kind = "kind" in value ? value["kind"] : undefined;
  const pairs = Object.entries(value).flatMap(([key, inner]): [string, Json][] => {
    if (key === "fields" || key === "details" || contentOfSpans.test(key)) return [];
    if (key === "input" && inputIds.has(kind)) return [[key, inner]];
    if (key === "messages" && isValue(inner)) return [[key, { inline: [] }]];
    if (values.has(key)) return [[key, isValue(inner) ? { inline: null } : null]];
    if (texts.has(key) && typeof inner === "string") return [[key, "(left out)"]];
    return [[key, leaveContentOut(inner)]];
  });
  return Object.fromEntries(pairs);
}

function isValue(value: Json): boolean {
  return typeof value === "object" && value !== null && ("inline" in value || "blob" in value);
}
