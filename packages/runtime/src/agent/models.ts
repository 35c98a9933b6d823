/** A model of agentflow.yaml as a runner gets it: references resolved, its key with it, for one call. */
import { type ModelDefinition, parseDuration } from "@agentflow/protocol";
import type { ResolvedModel } from "../channel/model-messages.ts";
import type { Keys } from "../worker/keys.ts";
import { agentLimits } from "./limits.ts";

export function resolveModel(definition: ModelDefinition, keys: Keys): ResolvedModel {
  const { timeout, script, options, baseUrl, apiKey } = definition;
  const provider = keys.text(definition.provider);
  const model = keys.text(definition.model);
  const url = baseUrl === undefined ? undefined : keys.text(baseUrl);
  const needsKey = apiKey !== undefined && !isScripted({ provider, model, url });
  return {
    provider,
    model,
    ...(url === undefined ? {} : { baseUrl: url }),
    ...(needsKey ? { apiKey: keyOf(apiKey, keys) } : {}),
    ...(script === undefined ? {} : { script }),
    ...(options === undefined ? {} : { options }),
    timeoutMs: timeout === undefined ? agentLimits.modelTimeoutMs : parseDuration(timeout),
  };
}

/** Whatever it is written as, it is hidden from here on. */
function keyOf(apiKey: string, keys: Keys): string {
  const key = keys.text(apiKey);
  keys.hide(key);
  return key;
}

/** Played from a file: a new project runs before anybody has set a key. */
function isScripted(of: {
  readonly provider: string;
  readonly model: string;
  readonly url: string | undefined;
}): boolean {
  const { provider, model, url = "" } = of;
  return provider === "scripted" || (provider === "openai-compatible" && model === "scripted" && url === "");
}
