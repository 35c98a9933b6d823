/** A Secret as the API server answers it. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";

export interface SecretFound {
  /** All of it, to be sent back with other data. */
  readonly object: JsonObject;
  readonly data: Readonly<Record<string, string>>;
  /** Texts by key. */
  readonly files: ReadonlyMap<string, string>;
}

export function parseSecret(text: string, name: string): SecretFound {
  const object = parseObject(text);
  if (object === undefined || object["kind"] !== "Secret") {
    throw new AgentFlowError("unavailable", `what was answered for the Secret ${name} is none`, {
      reason: "no_api_server",
    });
  }
  const entries = Object.entries((object["data"] ?? {}) as JsonObject).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && /^[-._a-zA-Z0-9]+$/.test(entry[0]),
  );
  const files = entries.map(([key, value]): [string, string] => [
    key,
    Buffer.from(value, "base64").toString(),
  ]);
  return { object, data: Object.fromEntries(entries), files: new Map(files) };
}

/** The message of a Status, where it is one. */
export function parseStatusMessage(text: string): string | undefined {
  const message = parseObject(text)?.["message"];
  return typeof message === "string" ? message.slice(0, 400) : undefined;
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}
