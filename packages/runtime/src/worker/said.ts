/** What code and its project say, as the worker may pass it on or reckon with it. */
import type { Secrets } from "@agentflow/host/log";
import type { LoadProblem, ModelDefinition } from "@agentflow/protocol";
import type { Keys } from "./keys.ts";

/** What the code says on its way to nowhere, such as the text of what it threw. */
export function withoutSecrets(problem: LoadProblem, hidden: Secrets): LoadProblem {
  const { message, frame, hint } = problem;
  return {
    ...problem,
    message: hidden.redact(message),
    ...(frame === undefined ? {} : { frame: hidden.redact(frame) }),
    ...(hint === undefined ? {} : { hint: hidden.redact(hint) }),
  };
}

/** A price is that of what a reference stands for; one that stands for nothing has none. */
export function resolvedModel(model: ModelDefinition, keys: Keys): ModelDefinition {
  const { provider, model: name, baseUrl } = model;
  try {
    const url = baseUrl === undefined ? {} : { baseUrl: keys.text(baseUrl) };
    return { ...model, provider: keys.text(provider), model: keys.text(name), ...url };
  } catch {
    return model;
  }
}
