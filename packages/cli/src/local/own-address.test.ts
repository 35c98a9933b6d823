import { expect, test } from "vitest";
import { ownAddress } from "./own-address.ts";

// What commands of this machine find in .agentflow/dev.json: to 0.0.0.0 no token would travel.
test.each([
  ["http://0.0.0.0:4180", "http://127.0.0.1:4180"],
  ["http://[::]:4180", "http://[::1]:4180"],
  ["http://127.0.0.1:4180", "http://127.0.0.1:4180"],
  ["http://192.0.2.7:4180", "http://192.0.2.7:4180"],
])("what listens at %s is reached at %s", (listens, reached) => {
  expect(ownAddress(listens)).toBe(reached);
});
