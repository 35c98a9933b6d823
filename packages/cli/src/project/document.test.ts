import { expect, test } from "vitest";
import { placeOf, readYaml } from "./document.ts";

const sourceAt = (apiKey: string): string | undefined =>
  placeOf(readYaml("agentflow.yaml", `models: {a: {apiKey: "${apiKey}"}}`), "/models/a/apiKey").source;

test("a key that stands in the file is not shown with its fault; a reference is", () => {
  expect(sourceAt("sk-abc")).toBeUndefined();
  expect(sourceAt("secret:// sk-abc")).toBeUndefined();
  expect(sourceAt("secret://model-key")).toContain("secret://model-key");
});
