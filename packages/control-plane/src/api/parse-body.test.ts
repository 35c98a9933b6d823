import { describe, expect, test } from "vitest";
import { bodyLimits, parseJson } from "./parse-body.ts";

describe("a body is refused", () => {
  test.each([
    ["that is not JSON", "{", "invalid_json"],
    ["with a prototype key", `{"input":{"__proto__":{"isAdmin":true}}}`, "schema_violation"],
    ["with a constructor's prototype", `{"constructor":{"prototype":{"x":1}}}`, "schema_violation"],
    ["nested too deep", `${"[".repeat(10_000)}${"]".repeat(10_000)}`, "limit_exceeded"],
    ["with too many keys", keys(bodyLimits.keysMax + 1), "limit_exceeded"],
    ["with too long a list", `[${"0,".repeat(bodyLimits.itemsMax)}0]`, "limit_exceeded"],
    ["with too long a string", JSON.stringify("x".repeat(bodyLimits.stringMax + 1)), "limit_exceeded"],
    ["that is too long", JSON.stringify(["x".repeat(1024 * 1024)]), "limit_exceeded"],
  ])("%s", (_, text, reason) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ code: "invalid_input", reason }));
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  test("and one at each limit is taken", () => {
    expect(parseJson(keys(bodyLimits.keysMax))).toBeTypeOf("object");
    expect(parseJson(`${"[".repeat(64)}${"]".repeat(64)}`)).toEqual(expect.any(Array));
  });
});

function keys(count: number): string {
  return `{${Array.from({ length: count }, (_, i) => `"k${i}":0`).join(",")}}`;
}
