import { expect, test } from "vitest";
import { bridgeOf } from "./engine/bridge.ts";

test("engines of two folders have bridges of their own, and the same folder the same one", () => {
  const [one, other] = [bridgeOf("/home/a/.cache"), bridgeOf("/home/b/.cache")];
  expect(bridgeOf("/home/a/.cache")).toEqual(one);
  expect(other.name).not.toBe(one.name);
  expect(other.network).not.toBe(one.network);
  // What the kernel takes for a name of an interface.
  expect(one.name).toMatch(/^[a-z0-9]{1,15}$/);
  expect(one).toMatchObject({ address: expect.stringMatching(/^10\.213\.\d+\.1\/24$/) });
});
