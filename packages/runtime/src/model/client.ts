/** Clients of providers: loaded when the first call needs one, kept as long as the runner lives. */
import type { LanguageModelV4 } from "@ai-sdk/provider";
import { type Json, type JsonObject, nearest } from "@agentflow/protocol";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { ResolvedModel } from "../channel/model-messages.ts";
import { ModelError } from "./model-error.ts";
import { type MakeModel, clientOf } from "./parse-v4.ts";
import { type ProviderFacts, lackOf, providerOf, providers } from "./providers.ts";

const clientsMax = 64;

export interface Clients {
  modelOf(model: ResolvedModel, provider: ProviderFacts): Promise<LanguageModelV4>;
}

/** One client for each provider, address and key. */
export function createClients(projectDir: string): Clients {
  const kept = new Map<string, Promise<MakeModel>>();
  return {
    async modelOf(model, provider) {
      const settings = settingsOf(model, provider);
      const key = JSON.stringify([provider.name, settings]);
      let client = kept.get(key);
      if (client === undefined) {
        client = makeClient(provider, settings, projectDir);
        for (const oldest of kept.keys()) if (kept.size >= clientsMax) kept.delete(oldest);
        kept.set(key, client);
        client.catch(() => kept.delete(key));
      }
      return (await client)(model.model);
    },
  };
}

/** Refuses a provider that nobody knows, naming the one that was meant. */
export function needProvider(model: ResolvedModel): ProviderFacts {
  const provider = providerOf(model);
  if (provider !== undefined) return provider;
  const known = providers.map(({ name }) => name);
  const meant = nearest(model.provider, known);
  const hint = meant === undefined ? `write one of ${known.join(", ")}` : `did you mean ${meant}?`;
  throw new ModelError(
    "model_bad_request",
    `there is no provider ${JSON.stringify(model.provider)}: ${hint}`,
  );
}

/** Options that go with each call: all but those that set the client up. */
export function callOptionsOf({ options = {} }: ResolvedModel, provider: ProviderFacts): JsonObject {
  const kept = Object.entries(options).filter(([key]) => !provider.settings.includes(key));
  return { ...provider.defaults, ...Object.fromEntries(kept) };
}

function settingsOf(model: ResolvedModel, provider: ProviderFacts): { readonly [key: string]: Json } {
  const baseURL = addressOf(model, provider);
  const lack = lackOf(model);
  if (lack !== undefined) throw new ModelError(lack.code, lack.message);
  if (baseURL !== undefined) checkAddress(baseURL);
  const apiKey = model.apiKey || undefined;
  // A client without a key would look for one among the variables of this process.
  const key = apiKey ?? (provider.key === "needed" ? "none" : undefined);
  const own = Object.entries(model.options ?? {}).filter(([name]) => provider.settings.includes(name));
  return {
    ...(provider.client?.create === "createOpenAICompatible" ? compatibleSettings(provider) : {}),
    ...Object.fromEntries(own),
    ...(baseURL === undefined ? {} : { baseURL }),
    ...(key === undefined ? {} : keySettings(key, provider)),
  };
}

/** Of AWS, a key is either one of Bedrock's own or `ID:SECRET`, with which requests are signed. */
function keySettings(key: string, { name }: ProviderFacts): { readonly [key: string]: Json } {
  const pair = name === "bedrock" ? /^(A[SK]IA[A-Z0-9]{8,}):([^:\s]+)(?::(\S+))?$/.exec(key) : null;
  if (pair === null) return { apiKey: key };
  const [, accessKeyId = "", secretAccessKey = "", sessionToken] = pair;
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

function addressOf({ baseUrl }: ResolvedModel, provider: ProviderFacts): string | undefined {
  if (baseUrl === undefined || baseUrl === "") return provider.baseUrl;
  if (provider.name !== "ollama") return baseUrl;
  // People know Ollama by its host, or by its own API; asked is the one that it shares with others.
  return `${baseUrl.replace(/\/+$/, "").replace(/\/(api|v1)$/, "")}/v1`;
}

/** Said here, without the address: what a client says of it repeats a password that stands in it. */
function checkAddress(text: string): void {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ModelError("model_bad_request", "its baseUrl is no address of a web server");
  }
  if (url.username === "" && url.password === "") return;
  const step = "write the key as apiKey: secret://… and run af secrets set";
  throw new ModelError("model_bad_request", `its baseUrl holds a name or a password; ${step}`);
}

function compatibleSettings({ optionsKey }: ProviderFacts): { readonly [key: string]: Json } {
  return { name: optionsKey, includeUsage: true, supportsStructuredOutputs: true };
}

async function makeClient(
  provider: ProviderFacts,
  settings: { readonly [key: string]: Json },
  projectDir: string,
): Promise<MakeModel> {
  const { client } = provider;
  if (client === undefined) throw new ModelError("model_bad_request", `${provider.name} has no client`);
  const make = clientOf(await load(client.package, projectDir), client.create, settings);
  if (make !== undefined) return make;
  const step = `npm install ${client.package}@latest`;
  throw new ModelError("model_bad_request", `${client.package} has no ${client.create}; ${step}`);
}

/** The project's own copy first, then the one that comes with `af`. */
async function load(name: string, projectDir: string): Promise<unknown> {
  const file = fileOf(name, projectDir);
  if (file === undefined) {
    throw new ModelError("model_bad_request", `${name} is not installed; run npm install ${name}`);
  }
  const module: unknown = await import(pathToFileURL(file).href);
  return module;
}

/** Where a package of a provider lies; undefined when it is not installed. */
export function fileOf(name: string, projectDir: string): string | undefined {
  for (const from of [path.join(projectDir, "package.json"), import.meta.filename]) {
    try {
      return createRequire(from).resolve(name);
    } catch {
      // Not there: the next place is asked.
    }
  }
  return undefined;
}
