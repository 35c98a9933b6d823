/** The door of `.agentflow/secrets.json`. */
import { AgentFlowError, type Instant, isId, type SecretName } from "@agentflow/protocol";

export interface StoredSecret {
  readonly value: string;
  readonly setAt: Instant;
}

export type StoredSecrets = ReadonlyMap<SecretName, StoredSecret>;

/** Refuses what is no such file, without a word of what stands in it. */
export function parseSecretFile(text: string, path: string): StoredSecrets {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    throw malformed(path, "it is not JSON");
  }
  if (!isObject(file)) throw malformed(path, "it is no object");
  if (file["kind"] !== "secrets" || typeof file["v"] !== "number")
    throw malformed(path, "it holds no secrets");
  if (file["v"] > 1) {
    throw new AgentFlowError("refused", `${path} was written by a newer af`, {
      reason: "newer_file",
      suggestions: ["update af"],
    });
  }
  if (!isObject(file["secrets"])) throw malformed(path, "it holds no secrets");
  const secrets = new Map<SecretName, StoredSecret>();
  for (const [name, secret] of Object.entries(file["secrets"])) {
    if (!isId("secret", name)) throw malformed(path, "a name in it is none");
    if (!isObject(secret) || typeof secret["value"] !== "string")
      throw malformed(path, `${name} has no value`);
    const setAt = typeof secret["setAt"] === "string" ? secret["setAt"] : "";
    secrets.set(name, { value: secret["value"], setAt });
  }
  return secrets;
}

export function writeSecretFile(secrets: StoredSecrets): string {
  return `${JSON.stringify({ v: 1, kind: "secrets", secrets: Object.fromEntries(secrets) }, null, 2)}\n`;
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(path: string, why: string): AgentFlowError {
  return new AgentFlowError("refused", `${path} cannot be read: ${why}`, {
    reason: "secrets_unreadable",
    suggestions: [`correct it, or remove it and set the secrets again: rm ${path}`, "af secrets set NAME"],
  });
}
