import { expect, test } from "vitest";
import { type Models, type Resolved, checkModels } from "./check-models.ts";

const facts = {
  providers: ["anthropic", "openai"],
  missing: ({ provider }: Resolved) =>
    provider === "anthropic" ? ["@ai-sdk/anthropic"] : provider === "openai" ? [] : undefined,
  lack: ({ apiKey }: Resolved & { readonly apiKey?: string }) =>
    apiKey === undefined ? "it has no key; write one" : undefined,
};

function found(models: Models): string[] {
  return checkModels(models, facts, (model) => (model.provider.startsWith("env:") ? undefined : model)).map(
    ({ code, severity, path, hint }) => `${severity} ${code} ${path ?? ""} ${hint ?? ""}`.trim(),
  );
}

test("a package that is not installed is a warning with the line that installs it", () => {
  expect(found({ default: { provider: "anthropic", model: "claude-x" } })).toEqual([
    "warning AF513 /models/default/provider npm install @ai-sdk/anthropic",
    "warning AF517 /models/default/provider write one",
  ]);
});

test("what a reference stands for elsewhere is not judged here", () => {
  expect(found({ default: { provider: "env://PROVIDER", model: "x" } })).toEqual([]);
});

test("a model does not stand in for itself", () => {
  const models = { default: { provider: "openai", model: "x", apiKey: "k", fallbacks: ["default"] } };
  expect(found(models)).toEqual(["error AF507 /models/default/fallbacks/0"]);
});

test("a reference under options would be sent as it stands", () => {
  const options = { headers: { "x-key": "secret://gateway" }, user: "me" };
  expect(found({ default: { provider: "openai", model: "x", apiKey: "k", options } })).toEqual([
    "error AF514 /models/default/options/headers/x-key a key goes under apiKey",
  ]);
});
