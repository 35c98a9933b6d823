import { describe, expect, test } from "vitest";
import {
  AgentFlowError,
  type ErrorCode,
  errorTable,
  exitCodes,
  fromErrorBody,
  fromFailure,
  toErrorBody,
  toFailure,
} from "./errors.ts";
import { errorMeanings, exitMeanings } from "./meanings.ts";

const codes = Object.keys(errorTable).filter((code): code is ErrorCode => code in errorTable);

describe("the table of errors", () => {
  test.each([
    ["invalid_input", "never", 400, 2],
    ["invalid_project", "never", 422, 3],
    ["not_found", "never", 404, 4],
    ["unauthenticated", "after_login", 401, 5],
    ["forbidden", "after_login", 403, 5],
    ["unavailable", "backoff", 503, 6],
    ["timeout", "backoff", 504, 7],
    ["conflict", "reload", 409, 8],
    ["already_exists", "reload", 409, 8],
    ["refused", "reload", 409, 8],
    ["limit_exceeded", "after_delay", 429, 13],
    ["internal", "never", 500, 1],
  ] as const)("%s: retry %s, HTTP %d, exit %d", (code, retry, http, exit) => {
    expect(errorTable[code]).toEqual({ retry, http, exit });
  });

  test("holds twelve codes, each with a meaning", () => {
    expect(codes).toHaveLength(12);
    expect(Object.keys(errorMeanings).toSorted()).toEqual(codes.toSorted());
  });

  test("shares an exit code only where scripts need not tell the codes apart", () => {
    const byExit = Map.groupBy(codes, (code) => errorTable[code].exit);
    const shared = [...byExit.values()].filter((all) => all.length > 1);
    expect(shared).toEqual([
      ["unauthenticated", "forbidden"],
      ["conflict", "already_exists", "refused"],
    ]);
  });
});

describe("the exit codes of outcomes", () => {
  test("are the documented ones", () => {
    expect(exitCodes).toEqual({
      ok: 0,
      runFailed: 10,
      runCancelled: 11,
      waitsForApproval: 12,
      budgetExhausted: 13,
      outcomeUnknown: 14,
      historyIncompatible: 15,
      changesPending: 16,
      thresholdMissed: 17,
      interrupted: 130,
    });
  });

  test("are unique, and no error has one of them but the quota, which is one thing", () => {
    const outcomes = Object.values(exitCodes);
    expect(new Set(outcomes).size).toBe(outcomes.length);
    const errors = new Set<number>(Object.values(errorTable).map(({ exit }) => exit));
    expect(outcomes.filter((exit) => errors.has(exit))).toEqual([13]);
  });

  test("have a meaning each", () => {
    expect(Object.keys(exitMeanings)).toEqual(Object.keys(exitCodes));
  });
});

describe("the door from an error to a failure", () => {
  test("keeps code, message and details of ours, and drops stack, cause and suggestions", () => {
    const error = new AgentFlowError("timeout", "no answer", {
      details: { ms: 5 },
      suggestions: ["wait"],
      cause: new Error("secret"),
    });
    expect(toFailure(error)).toEqual({ code: "timeout", message: "no answer", details: { ms: 5 } });
  });

  test("leaves out details that are empty", () => {
    expect(toFailure(new AgentFlowError("internal", "x"))).toEqual({ code: "internal", message: "x" });
  });

  test.each([
    [new TypeError("no"), "type_error"],
    [Object.assign(new Error("no"), { code: "ENOENT" }), "enoent"],
    [Object.assign(new Error("no"), { code: "card declined!" }), "card_declined_"],
    [Object.assign(new Error("no"), { code: 7 }), "error"],
    [Object.assign(new Error("no"), { code: "" }), "thrown"],
    [Object.assign(new Error("no"), { code: "x".repeat(200) }), "x".repeat(63)],
  ])("gives a foreign %s the code %s", (error, code) => {
    expect(toFailure(error)).toEqual({ code, message: "no" });
  });

  test.each(["text", 7, null, undefined])("takes what is no error: %j", (thrown) => {
    expect(toFailure(thrown)).toEqual({ code: "thrown", message: String(thrown) });
  });

  test("bounds the message", () => {
    expect(toFailure(new Error("x".repeat(10_000))).message).toHaveLength(2_000);
  });
});

describe("the door back from a failure", () => {
  test.each(codes)("%s comes back under its code", (code) => {
    expect(fromFailure(toFailure(new AgentFlowError(code, "x")))).toMatchObject({ code, message: "x" });
  });

  test("a tool's own code comes back as refused, with the code as reason", () => {
    const error = fromFailure({ code: "card_declined", message: "x", details: { bank: "b" } });
    expect(error).toMatchObject({ code: "refused", reason: "card_declined", details: { bank: "b" } });
  });

  test.each(["constructor", "toString", "__proto__"])("the code %s is only a word", (code) => {
    expect(fromFailure({ code, message: "x" })).toMatchObject({ code: "refused", reason: code });
  });
});

describe("an error in an answer", () => {
  test("comes back whole", () => {
    const error = new AgentFlowError("conflict", "m", { reason: "r", details: { a: 1 }, suggestions: ["s"] });
    expect(toErrorBody(fromErrorBody(toErrorBody(error)))).toEqual(toErrorBody(error));
  });

  test("with a code of a newer server becomes internal and keeps its reason", () => {
    const text = JSON.stringify(toErrorBody(new AgentFlowError("timeout", "m", { reason: "r" })));
    const error = fromErrorBody(JSON.parse(text.replace("timeout", "melted")));
    expect(error).toMatchObject({ code: "internal", reason: "r" });
  });
});

test("an error of ours is known across copies of the package, anything else is not", () => {
  const foreign = Object.defineProperty(new Error("x"), Symbol.for("agentflow.error"), { value: true });
  expect(AgentFlowError.is(foreign)).toBe(true);
  expect([new Error("x"), null, "x", {}].some((one) => AgentFlowError.is(one))).toBe(false);
});

test("what is not ours becomes internal, says what was being done and keeps its cause", () => {
  const cause = new Error("disk on fire");
  const error = AgentFlowError.from(cause, "write the log");
  expect(error).toMatchObject({ code: "internal", message: "write the log: disk on fire", cause });
  expect(AgentFlowError.from(error, "again")).toBe(error);
});
