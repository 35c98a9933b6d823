/** The door for a value whose texts were replaced: it has the shape that it had. */
import { redactNumber, type Secrets } from "@agentflow/host/log";

export function maskedCopy<T>(value: T, secrets: Secrets): T {
  return copyOf(value, secrets) as T;
}

function copyOf(value: unknown, secrets: Secrets): unknown {
  if (typeof value === "string") return secrets.redact(value);
  if (typeof value === "number") return redactNumber(value, secrets);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => copyOf(item, secrets));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [secrets.redact(key), copyOf(inner, secrets)]),
  );
}
