import { AgentFlowError } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { newerOf, withSkew } from "./skew.ts";

test.each([
  ["0.1.0", "0.2.0", "0.2.0"],
  ["0.10.0", "0.9.3", "0.10.0"],
  ["1.0.0", "1.0.0", "1.0.0"],
  ["1.0.1-rc.2", "1.0.1-rc.10", "1.0.1-rc.10"],
])("of %s and %s the newer is %s", (a, b, newer) => {
  expect(newerOf(a, b)).toBe(newer);
  expect(newerOf(b, a)).toBe(newer);
});

const refusal = (reason: string, serverVersion?: string): AgentFlowError =>
  new AgentFlowError("not_found", "no", {
    reason,
    suggestions: ["first"],
    ...(serverVersion === undefined ? {} : { details: { serverVersion } }),
  });

test("only a refusal that another release explains gets the line", () => {
  const told = withSkew(refusal("no_such_path", "0.3.0"), "0.2.0");
  expect(told).toMatchObject({
    reason: "no_such_path",
    suggestions: ["the installation runs af 0.3.0, this is af 0.2.0: use 0.3.0 for both", "first"],
  });
  for (const plain of [
    refusal("no_such_path", "0.2.0"),
    refusal("run_not_found", "0.3.0"),
    refusal("no_such_path"),
  ]) {
    expect(withSkew(plain, "0.2.0")).toBe(plain);
  }
});
