import { expect, test } from "vitest";
import { inOrderOfNeeds } from "./step-order.ts";

test("steps of a definition stand behind those they need, however they came", () => {
  const steps = Object.entries({
    inspect: { needs: ["scan"] },
    merge: { needs: ["inspect"] },
    scan: { needs: [] },
    write: { needs: ["scan", "merge", "gone"] },
  });
  expect(inOrderOfNeeds(steps).map(([name]) => name)).toEqual(["scan", "inspect", "merge", "write"]);
});

test("steps in a circle are shown all the same", () => {
  expect(inOrderOfNeeds(Object.entries({ a: { needs: ["b"] }, b: { needs: ["a"] } }))).toHaveLength(2);
});
