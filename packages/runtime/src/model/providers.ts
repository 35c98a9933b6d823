/** The providers of models by name: plain facts, so that the command line can show them too. */
import type { JsonObject, ModelDefinition } from "@agentflow/protocol";

export interface ProviderFacts {
  readonly name: string;
  /** The npm package that speaks to it, and the function in it that makes a client. */
  readonly client?: { readonly package: string; readonly create: string };
  /** Whether a call without a key, to the provider's usual place, can be answered. */
  readonly key: "needed" | "optional";
  /** Keys of a model's `options` that set the client up; all others go with each call. */
  readonly settings: readonly string[];
  /** The name under which the client looks for the options of a call. */
  readonly optionsKey: string;
  /** What goes with each call unless the model's `options` say otherwise. */
  readonly defaults?: JsonObject;
  /** Knows JSON Schemas of two kinds, and refuses in its strict mode those that are not strict. */
  readonly strict?: true;
  /** Where it listens when the model says nothing. */
  readonly baseUrl?: string;
}

const compatible = { package: "@ai-sdk/openai-compatible", create: "createOpenAICompatible" };
/** The journal holds the whole conversation: nothing has to be kept, and found again, at the provider. */
const notStored = { store: false };

export const providers: readonly ProviderFacts[] = [
  {
    name: "openai",
    client: { package: "@ai-sdk/openai", create: "createOpenAI" },
    key: "needed",
    settings: ["organization", "project", "headers"],
    optionsKey: "openai",
    defaults: notStored,
    strict: true,
  },
  {
    name: "anthropic",
    client: { package: "@ai-sdk/anthropic", create: "createAnthropic" },
    key: "needed",
    settings: ["headers"],
    optionsKey: "anthropic",
  },
  {
    name: "google",
    client: { package: "@ai-sdk/google", create: "createGoogle" },
    key: "needed",
    settings: ["headers"],
    optionsKey: "google",
  },
  {
    name: "mistral",
    client: { package: "@ai-sdk/mistral", create: "createMistral" },
    key: "needed",
    settings: ["headers"],
    optionsKey: "mistral",
  },
  {
    name: "bedrock",
    client: { package: "@ai-sdk/amazon-bedrock", create: "createAmazonBedrock" },
    // AWS's own variables are secrets, which runners do not inherit.
    key: "needed",
    settings: ["region", "headers"],
    optionsKey: "bedrock",
  },
  {
    name: "azure",
    client: { package: "@ai-sdk/azure", create: "createAzure" },
    key: "needed",
    settings: ["resourceName", "apiVersion", "useDeploymentBasedUrls", "headers"],
    optionsKey: "azure",
    defaults: notStored,
    strict: true,
  },
  {
    name: "ollama",
    client: compatible,
    key: "optional",
    settings: ["headers", "queryParams", "supportsStructuredOutputs"],
    optionsKey: "ollama",
    strict: true,
    baseUrl: "http://127.0.0.1:11434/v1",
  },
  {
    name: "openai-compatible",
    client: compatible,
    key: "optional",
    settings: ["headers", "queryParams", "supportsStructuredOutputs"],
    optionsKey: "openaiCompatible",
    strict: true,
  },
  { name: "scripted", key: "optional", settings: [], optionsKey: "scripted" },
];

/**
 * Who answers for a model. `openai-compatible` with the model `scripted` and no URL is the scripted one: what
 * a new project has until it names a real one. Undefined when nobody has that name.
 */
export function providerOf(
  model: Pick<ModelDefinition, "provider" | "model" | "baseUrl">,
): ProviderFacts | undefined {
  const played = model.provider === "openai-compatible" && model.model === "scripted" && !model.baseUrl;
  const name = played ? "scripted" : model.provider;
  return providers.find((provider) => provider.name === name);
}

/** What has to be written in agentflow.yaml before a model can be asked, and the code of its failure. */
export function lackOf(
  model: Pick<ModelDefinition, "provider" | "model" | "baseUrl" | "apiKey">,
): { readonly code: "model_auth" | "model_bad_request"; readonly message: string } | undefined {
  const provider = providerOf(model);
  if (provider === undefined) return undefined;
  const at = model.baseUrl || provider.baseUrl;
  if (provider.name === "openai-compatible" && at === undefined) {
    const message = "it has no baseUrl; write the server's address in agentflow.yaml";
    return { code: "model_bad_request", message };
  }
  if (provider.key !== "needed" || model.apiKey || at !== provider.baseUrl) return undefined;
  const message = "it has no key; write apiKey: secret://… in agentflow.yaml and run af secrets set";
  return { code: "model_auth", message };
}
