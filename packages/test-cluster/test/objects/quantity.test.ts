import { expect, test } from "vitest";
import { canonicalQuantity, parseQuantity } from "../../src/schema/quantity.ts";

test.each([
  ["1024Mi", "1Gi"],
  ["1000m", "1"],
  ["0.5", "500m"],
  ["1.5Gi", "1536Mi"],
  ["100m", "100m"],
  ["0", "0"],
  ["1e3", "1e3"],
  ["1500", "1500"],
  ["1000000", "1M"],
  ["128Mi", "128Mi"],
  ["0.0000000001", "1n"],
  ["1Ki", "1Ki"],
  ["512", "512"],
  ["-1", "-1"],
])("%s is written %s", (text, written) => {
  expect(canonicalQuantity(text)).toBe(written);
});

test.each(["lots", "", "1 Gi", "1.2.3", "Gi", "1GiB", "0x10"])("%j is no amount", (text) => {
  expect(canonicalQuantity(text)).toBeUndefined();
});

test("amounts are compared whatever their units", () => {
  expect(parseQuantity("1Gi")?.nanos).toBe(parseQuantity("1024Mi")?.nanos);
  expect(parseQuantity("1G")?.nanos).not.toBe(parseQuantity("1Gi")?.nanos);
});
