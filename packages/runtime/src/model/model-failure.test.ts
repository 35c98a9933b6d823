import { expect, test } from "vitest";
import { modelError } from "./model-failure.ts";

test("a reason of any length is read in no time, without our key", () => {
  const key = "k-3f9a-very-secret-key";
  const message = `${"a".repeat(4_000)}${key.repeat(50)}${"a".repeat(1_000_000)}`;
  const error = modelError({ statusCode: 400, message, responseBody: message }, key);
  expect(error.code).toBe("model_bad_request");
  expect(error.message.length).toBeLessThan(700);
  expect(error.message).not.toContain(key.slice(0, 8));
});

test("a reason without any space is no longer than others", () => {
  expect(modelError({ statusCode: 500, message: "*".repeat(1_000_000) }, undefined).message).toContain("***");
});
