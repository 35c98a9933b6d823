import { expect, test } from "vitest";
import { parseId } from "./ids.ts";
import { parseReference, referencePattern, secretVariable } from "./reference.ts";

test.each([
  ["env://AF_MODEL", { kind: "env", name: "AF_MODEL" }],
  ["env://AF_MODEL?scripted", { kind: "env", name: "AF_MODEL", default: "scripted" }],
  ["env://AF_MODEL_URL?", { kind: "env", name: "AF_MODEL_URL", default: "" }],
  ["env://A?http://b/?c=d", { kind: "env", name: "A", default: "http://b/?c=d" }],
  ["secret://model-key", { kind: "secret", name: "model-key" }],
])("%s is a reference", (text, reference) => {
  expect(parseReference(text)).toEqual(reference);
  expect(referencePattern.test(text)).toBe(true);
});

test.each(["", "plain", "https://example.com", "see env://A", "secret:model-key"])(
  "%j is plain text",
  (text) => {
    expect(parseReference(text)).toBeUndefined();
    expect(referencePattern.test(text)).toBe(true);
  },
);

test.each([
  "env://",
  "env://1A",
  "env://A B",
  "env://A-B",
  "secret://",
  "secret://Model",
  "secret://a?b",
  "secret://a\n",
])("%j is refused as a malformed reference", (text) => {
  expect(() => parseReference(text)).toThrow("is not a reference");
  expect(referencePattern.test(text)).toBe(false);
});

test("a secret has its variable in .env", () => {
  expect(secretVariable(parseId("secret", "model-key"))).toBe("MODEL_KEY");
});
