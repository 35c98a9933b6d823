import { expect, test } from "vitest";
import { refusalOf } from "./exchange.ts";
import { parseEnvelope } from "./parse-answer.ts";

test("an answer of a newer version is refused with both numbers; a key that is new is kept", () => {
  expect(() => parseEnvelope('{"v":2,"ok":true,"data":{}}', 200)).toThrow(
    expect.objectContaining({ code: "refused", reason: "answer_newer", details: { found: 2, known: 1 } }),
  );
  const answer = parseEnvelope('{"v":1,"ok":true,"data":{"a":1,"later":2},"more":3}', 200);
  expect(answer).toEqual({ v: 1, ok: true, data: { a: 1, later: 2 }, more: 3 });
});

test("a refusal that another release explains names the release; another does not", () => {
  const refused = (reason: string) => {
    const error = { code: "not_found", reason, message: "no", details: {}, suggestions: [] };
    return refusalOf({ status: 404, version: "0.3.0", text: JSON.stringify({ v: 1, ok: false, error }) });
  };
  expect(refused("no_such_path").details).toEqual({ serverVersion: "0.3.0" });
  expect(refused("run_not_found").details).toEqual({});
});
