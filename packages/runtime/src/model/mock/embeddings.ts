/** Embeddings in each provider's shape. */
import { Buffer } from "node:buffer";
import type { Json, JsonObject } from "@agentflow/protocol";
import { at, listOf, textAt } from "../json.ts";
import { embed, embeddingSize, tokensOf } from "../script/index.ts";
import { contentText } from "./dialect.ts";
import type { EmbedShape } from "./routes.ts";

const sizeMax = 4_096;

export function embeddingsOf(shape: EmbedShape, body: Json, model: string): JsonObject {
  const texts = textsOf(shape, body);
  const vectors = texts.map((text) => embed(text, sizeOf(body)));
  const tokens = texts.reduce((sum, text) => sum + tokensOf(text), 0);
  const [first = []] = vectors;
  switch (shape) {
    case "google":
      return { embedding: { values: first } };
    case "google-batch":
      return { embeddings: vectors.map((values) => ({ values })) };
    case "ollama":
      return { model, embeddings: vectors, total_duration: 1, load_duration: 0, prompt_eval_count: tokens };
    case "titan":
      return { embedding: first, inputTextTokenCount: tokens };
    default:
      return {
        object: "list",
        model,
        data: vectors.map((vector, index) => ({
          object: "embedding",
          index,
          embedding: textAt(body, "encoding_format") === "base64" ? base64(vector) : vector,
        })),
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      };
  }
}

function textsOf(shape: EmbedShape, body: Json): readonly string[] {
  switch (shape) {
    case "google":
      return [contentText(at(body, "content", "parts"))];
    case "google-batch":
      return listOf(at(body, "requests")).map((one) => contentText(at(one, "content", "parts")));
    case "titan":
      return [textAt(body, "inputText")];
    default: {
      const input = at(body, "input") ?? "";
      return Array.isArray(input) ? listOf(input).map((one) => written(one)) : [written(input)];
    }
  }
}

/** Tokens may stand where a text is meant: they are a text too. */
function written(input: Json): string {
  return typeof input === "string" ? input : JSON.stringify(input);
}

function sizeOf(body: Json): number {
  const asked = at(body, "dimensions") ?? at(body, "outputDimensionality");
  return typeof asked === "number" && asked >= 1 ? Math.min(Math.floor(asked), sizeMax) : embeddingSize;
}

function base64(vector: readonly number[]): string {
  return Buffer.from(new Float32Array(vector).buffer).toString("base64");
}
