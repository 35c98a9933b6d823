/** The door for bodies: size, depth and shape are bounded before anything looks inside. */
import { AgentFlowError, inputDepthMax } from "@agentflow/protocol";
import type { z } from "zod";

export const bodyLimits = {
  bytesMax: 1024 * 1024,
  /** The body itself is one of them. */
  depthMax: inputDepthMax + 1,
  keysMax: 1_000,
  itemsMax: 10_000,
  stringMax: 256 * 1024,
} as const;

/**
 * JSON text within the limits, as plain data. Refuses prototype keys: nothing downstream has to think of
 * them.
 */
export function parseJson(text: string): unknown {
  if (text.length > bodyLimits.bytesMax) throw tooBig("the body", "bytes", bodyLimits.bytesMax);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : "";
    throw new AgentFlowError("invalid_input", `the body is not JSON: ${why.slice(0, 200)}`, {
      reason: "invalid_json",
    });
  }
  checkShape(value);
  return value;
}

/** A list to work through instead of recursion: depth is what an attacker would choose. */
export function checkShape(root: unknown): void {
  if (typeof root !== "object" || root === null) return checkText(root);
  let level: object[] = [root];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > bodyLimits.depthMax) throw tooDeep();
    const next: object[] = [];
    for (const value of level) for (const inner of childrenOf(value)) collect(inner, next);
    level = next;
  }
}

function collect(value: unknown, into: object[]): void {
  if (typeof value === "object" && value !== null) into.push(value);
  else checkText(value);
}

function childrenOf(value: object): readonly unknown[] {
  if (Array.isArray(value)) {
    if (value.length > bodyLimits.itemsMax) throw tooBig("a list", "items", bodyLimits.itemsMax);
    return value;
  }
  const keys = Object.keys(value);
  if (keys.length > bodyLimits.keysMax) throw tooBig("an object", "keys", bodyLimits.keysMax);
  for (const key of keys) {
    if (key === "__proto__" || key === "prototype") {
      throw new AgentFlowError("invalid_input", `the key ${key} is not allowed`, {
        reason: "schema_violation",
      });
    }
  }
  return Object.values(value);
}

function checkText(value: unknown): void {
  if (typeof value === "string" && value.length > bodyLimits.stringMax) {
    throw tooBig("a string", "characters", bodyLimits.stringMax);
  }
}

function tooBig(what: string, unit: string, max: number): AgentFlowError {
  return new AgentFlowError("invalid_input", `${what} has more than ${max} ${unit}`, {
    reason: "limit_exceeded",
    details: { max, unit },
    suggestions: ["put big data into a file or a store and pass where it lies"],
  });
}

function tooDeep(): AgentFlowError {
  const max = bodyLimits.depthMax;
  return new AgentFlowError("invalid_input", `the body is nested deeper than ${max} levels`, {
    reason: "limit_exceeded",
    details: { max, unit: "levels" },
    suggestions: ["flatten it, or put it into a file or a store and pass where it lies"],
  });
}

/** The value as the schema reads it; every issue is named by its JSON pointer. */
export function parseWith<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
  reason = "schema_violation",
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, 20).map((issue) => ({
    path: issue.path.map((part) => `/${String(part)}`).join(""),
    message: issue.message,
  }));
  const first = issues[0];
  throw new AgentFlowError(
    "invalid_input",
    `${what}: ${first?.path || "/"}: ${first?.message ?? "invalid"}`,
    { reason, details: { issues } },
  );
}
