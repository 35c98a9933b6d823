/** References in strings of agentflow.yaml: `env://NAME?default` and `secret://name`, and nothing else. */
import { AgentFlowError } from "./errors.ts";
import { type SecretName, isId } from "./ids.ts";

export type Reference =
  | { readonly kind: "env"; readonly name: string; readonly default?: string }
  | { readonly kind: "secret"; readonly name: SecretName };

const env = /env:\/\/([A-Za-z_][A-Za-z0-9_]{0,126})(\?([\s\S]*))?/.source;
const secret = /secret:\/\/[a-z0-9][a-z0-9_-]{0,62}/.source;
const plain = /(?!env:\/\/|secret:\/\/)[\s\S]*/.source;

const envReference = new RegExp(`^${env}$`);

/** Text that is no reference, or a well-formed one: the grammar of every string in agentflow.yaml. */
export const referencePattern = new RegExp(`^(${env}|${secret}|${plain})$`);

/** The reference that a string is, or undefined for plain text. Refuses one that is malformed. */
export function parseReference(text: string): Reference | undefined {
  const match = envReference.exec(text);
  if (match !== null) {
    const [, name = "", , fallback] = match;
    return fallback === undefined ? { kind: "env", name } : { kind: "env", name, default: fallback };
  }
  if (text.startsWith("secret://")) {
    const name = text.slice("secret://".length);
    if (isId("secret", name)) return { kind: "secret", name };
  }
  if (!text.startsWith("env://") && !text.startsWith("secret://")) return undefined;
  throw new AgentFlowError("invalid_input", `${JSON.stringify(text.slice(0, 80))} is not a reference`, {
    reason: "invalid_reference",
    suggestions: ["write env://NAME, env://NAME?default or secret://name"],
  });
}

/** The variable that holds a secret in `.env`: `model-key` is `MODEL_KEY`. */
export function secretVariable(name: SecretName): string {
  return name.toUpperCase().replaceAll("-", "_");
}
