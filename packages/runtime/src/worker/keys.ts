/** Secrets and references, resolved for the one call that names them; each value is hidden from then on. */
import { AgentFlowError, type Failure, parseId, parseReference, toFailure } from "@agentflow/protocol";
import type { Masks } from "./masks.ts";
import type { SecretSource } from "./secrets.ts";

export interface Keys {
  /** Throws `not_found`, reason `unknown_secret`, naming the secret. */
  secret(name: string): string;
  /** Values by name, of exactly these. */
  secrets(names: readonly string[]): { readonly [name: string]: string };
  /** Text of agentflow.yaml: a reference gives what it stands for, other text itself. */
  text(written: string): string;
  hide(value: string): void;
}

export function createKeys(source: SecretSource, masks: Masks): Keys {
  const secret = (name: string): string => {
    const value = source.get(parseId("secret", name));
    if (value === undefined) throw unknownSecret(name);
    masks.hide(value);
    return value;
  };
  return {
    secret,
    hide: (value) => masks.hide(value),
    secrets: (names) => Object.fromEntries(names.map((name): [string, string] => [name, secret(name)])),
    text(written) {
      const reference = parseReference(written);
      if (reference === undefined) return written;
      if (reference.kind === "secret") return secret(reference.name);
      const value = source.variable(reference.name) ?? reference.default;
      if (value === undefined) throw unknownVariable(reference.name);
      return value;
    },
  };
}

function unknownSecret(name: string): AgentFlowError {
  return new AgentFlowError(
    "not_found",
    `there is no secret ${name}: set it with \`af secrets set ${name}\``,
    {
      reason: "unknown_secret",
      details: { secret: name },
      suggestions: [`af secrets set ${name}`],
    },
  );
}

function unknownVariable(name: string): AgentFlowError {
  return new AgentFlowError("not_found", `the variable ${name} is not set, and has no default`, {
    reason: "unknown_variable",
    details: { variable: name },
    suggestions: [`set ${name}, or write env://${name}?default`],
  });
}

export function isUnknownSecret(error: unknown): boolean {
  return AgentFlowError.is(error) && error.reason === "unknown_secret";
}

/** As a thrown error is recorded; what the project lacks keeps its own word, for it is told apart by it. */
export function failureOf(error: unknown): Failure {
  const failure = toFailure(error);
  if (!AgentFlowError.is(error)) return failure;
  return ownWords.has(error.reason) ? { ...failure, code: error.reason } : failure;
}

const ownWords: ReadonlySet<string> = new Set([
  "unknown_secret",
  "unknown_variable",
  "unknown_model",
  "unknown_callable",
  "template_failed",
  "history_incompatible",
  "sandbox_unavailable",
  "sandbox_refused",
]);
