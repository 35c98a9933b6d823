/** Hides known secrets in whatever leaves a supervisor: text, JSON, records. */
import { type Secrets, type StreamRedactor, redactJson } from "@agentflow/host/log";
import type { Json } from "@agentflow/protocol";
import { maskedCopy } from "./parse-masked.ts";

export interface Masks {
  /** Hides a value from now on, as long as the process lives. */
  hide(value: string): void;
  text(text: string): string;
  /** What user code gave: a number that is a secret as a whole is hidden too. */
  value(value: Json): Json;
  /** The same value when nothing in it is hidden; numbers and the like stay as they are. */
  json<T extends Json | object>(value: T): T;
  /** For text that comes in pieces. */
  stream(): StreamRedactor;
}

export function createMasks(secrets: Secrets): Masks {
  const hidden = new Set<string>();
  return {
    hide(value) {
      if (hidden.has(value)) return;
      hidden.add(value);
      secrets.register(value);
    },
    text: (text) => secrets.redact(text),
    stream: () => secrets.stream(),
    value: (value) => (secrets.isEmpty() ? value : redactJson(value, secrets)),
    json(value) {
      if (secrets.isEmpty()) return value;
      const text = JSON.stringify(value);
      // Texts within it are told apart only where something is found at all.
      return secrets.redact(text) === text ? value : maskedCopy(value, secrets);
    },
  };
}
