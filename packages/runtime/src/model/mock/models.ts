/** Lists of models in each provider's shape. */
import type { JsonObject } from "@agentflow/protocol";
import { isLike } from "../script/index.ts";
import { createdAt, createdSeconds } from "./dialect.ts";
import type { ListShape } from "./routes.ts";

/** Whether a script knows a model; one without a list knows all. */
export function knows(models: readonly string[] | undefined, model: string): boolean {
  return models === undefined || models.some((pattern) => isLike(pattern, model));
}

export function modelList(
  shape: ListShape,
  models: readonly string[] | undefined,
  anthropic: boolean,
): JsonObject {
  const named = (models ?? ["scripted"]).filter((name) => !name.includes("*"));
  switch (shape) {
    case "google":
      return { models: named.map((name) => ({ name: `models/${name}`, displayName: name })) };
    case "ollama":
      return { models: named.map((name) => ({ name, model: name, modified_at: createdAt, size: 0 })) };
    case "ollama-version":
      return { version: "0.0.0-scripted" };
    default:
      return anthropic ? anthropicList(named) : openaiList(named);
  }
}

function openaiList(named: readonly string[]): JsonObject {
  const data = named.map((id) => ({ id, object: "model", created: createdSeconds, owned_by: "scripted" }));
  return { object: "list", data };
}

function anthropicList(named: readonly string[]): JsonObject {
  const data = named.map((id) => ({ type: "model", id, display_name: id, created_at: createdAt }));
  return { data, has_more: false, first_id: named[0] ?? null, last_id: named.at(-1) ?? null };
}
