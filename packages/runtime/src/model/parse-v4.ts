/**
 * The door between our plain data and the model interface of the AI SDK: the same JSON under other types; and
 * the functions of its packages, which are loaded by name.
 */
import type { LanguageModelV4, SharedV4ProviderOptions } from "@ai-sdk/provider";
import type { Json, JsonObject } from "@agentflow/protocol";
import { fetchHere } from "./fetch-here.ts";

/** Metadata is an object of objects, one a provider; anything else is nothing a provider could use. */
export function asProviderOptions(meta: JsonObject): SharedV4ProviderOptions {
  const kept = Object.entries(meta).filter(([, value]) => typeof value === "object" && value !== null);
  return Object.fromEntries(kept) as SharedV4ProviderOptions;
}

/** What a client says beside its answer, as plain JSON; undefined when that is nothing. */
export function plainMeta(value: unknown): JsonObject | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const meta = JSON.parse(JSON.stringify(value)) as JsonObject;
  const said = Object.entries(meta).filter(
    ([, one]) => typeof one === "object" && one !== null && Object.keys(one).length > 0,
  );
  return said.length === 0 ? undefined : Object.fromEntries(said);
}

export type MakeModel = (modelId: string) => LanguageModelV4;

/**
 * The client that a package's function `create` makes of the settings; undefined when it has no such one. Its
 * requests go where they are sent: see `fetchHere`.
 */
export function clientOf(
  module: unknown,
  create: string,
  settings: { readonly [key: string]: Json },
): MakeModel | undefined {
  const make = (module as { readonly [key: string]: unknown })[create];
  if (typeof make !== "function") return undefined;
  const made = { ...settings, fetch: fetchHere };
  const client = (make as (settings: unknown) => { languageModel: MakeModel })(made);
  return (modelId) => client.languageModel(modelId);
}
