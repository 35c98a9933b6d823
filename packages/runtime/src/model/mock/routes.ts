/** Which provider's address a path is. */
import type { Dialect } from "./dialect.ts";
import { anthropic } from "./dialects/anthropic.ts";
import { bedrock } from "./dialects/bedrock.ts";
import { chat, mistral } from "./dialects/chat.ts";
import { google } from "./dialects/google.ts";
import { ollama } from "./dialects/ollama.ts";
import { responses } from "./dialects/responses.ts";

export type EmbedShape = "openai" | "google" | "google-batch" | "ollama" | "titan";
export type ListShape = "openai" | "google" | "ollama" | "ollama-version";

export interface Route {
  readonly method: "GET" | "POST";
  readonly dialect: Dialect;
  /** As far as the path names it. */
  readonly model: string;
  readonly stream: boolean;
  readonly does: "answer" | { readonly embed: EmbedShape } | { readonly list: ListShape };
}

/**
 * Base paths by the names that agentflow.yaml gives to providers. Mistral's differ from OpenAI's only by what
 * stands before; Ollama is spoken to by its OpenAI-compatible API, and has one of its own.
 */
export const basePaths = {
  openai: "/v1",
  "openai-compatible": "/v1",
  anthropic: "/v1",
  google: "/v1beta",
  mistral: "/mistral/v1",
  azure: "/azure/openai/v1",
  bedrock: "",
  ollama: "/v1",
  "ollama-api": "/api",
} as const;

interface Pattern {
  readonly path: RegExp;
  readonly route: (found: RegExpExecArray) => Route;
}

const post = (dialect: Dialect, more: Partial<Route> = {}): Route => ({
  method: "POST",
  dialect,
  model: "",
  stream: false,
  does: "answer",
  ...more,
});
const list = (dialect: Dialect, shape: ListShape): Route =>
  post(dialect, { method: "GET", does: { list: shape } });
const embed = (dialect: Dialect, shape: EmbedShape, model = ""): Route =>
  post(dialect, { model, does: { embed: shape } });
const openaiOf = (path: string | undefined): Dialect =>
  path?.startsWith("/mistral") === true ? mistral : chat;
const deployment = (path: string | undefined): string => /\/deployments\/([^/]+)/.exec(path ?? "")?.[1] ?? "";

const patterns: readonly Pattern[] = [
  {
    path: /^(.*)\/chat\/completions$/,
    route: ([, before]) => post(openaiOf(before), { model: deployment(before) }),
  },
  { path: /^(.*)\/responses$/, route: ([, before]) => post(responses, { model: deployment(before) }) },
  {
    path: /^(.*)\/embeddings$/,
    route: ([, before]) => embed(openaiOf(before), "openai", deployment(before)),
  },
  { path: /^(.*)\/messages$/, route: () => post(anthropic) },
  {
    path: /\/(?:models|tunedModels)\/([^/:]+):(generateContent|streamGenerateContent)$/,
    route: ([, model = "", verb]) => post(google, { model, stream: verb === "streamGenerateContent" }),
  },
  { path: /\/models\/([^/:]+):embedContent$/, route: ([, model]) => embed(google, "google", model) },
  {
    path: /\/models\/([^/:]+):batchEmbedContents$/,
    route: ([, model]) => embed(google, "google-batch", model),
  },
  {
    path: /\/model\/([^/]+)\/(converse|converse-stream)$/,
    route: ([, model = "", verb]) => post(bedrock, { model, stream: verb === "converse-stream" }),
  },
  { path: /\/model\/([^/]+)\/invoke$/, route: ([, model]) => embed(bedrock, "titan", model) },
  { path: /\/api\/chat$/, route: () => post(ollama) },
  { path: /\/api\/embed$/, route: () => embed(ollama, "ollama") },
  { path: /\/api\/tags$/, route: () => list(ollama, "ollama") },
  { path: /\/api\/version$/, route: () => list(ollama, "ollama-version") },
  { path: /\/v1beta\/models$/, route: () => list(google, "google") },
  { path: /^(.*)\/models$/, route: ([, before]) => list(openaiOf(before), "openai") },
];

/** Undefined for a path that no provider has. */
export function routeOf(path: string): Route | undefined {
  for (const pattern of patterns) {
    const found = pattern.path.exec(path);
    if (found !== null) {
      const route = pattern.route(found);
      return { ...route, model: decoded(route.model) };
    }
  }
  return undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
