import { versionHeader } from "@agentflow/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type House, ask, openHouse } from "./fixtures/house.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

test("the release is told on every answer to whoever was let in, and to nobody else", async () => {
  const told = async (path: string, auth?: null): Promise<string | null> =>
    (await ask(house, "GET", path, auth === null ? { auth } : {})).headers.get(versionHeader);
  // A path that only a newer release has is where it matters most.
  for (const path of ["/v1/status", "/v1/runs/NO", "/v1/nothing"]) {
    expect(await told(path), path).toBe("0.0.0");
    expect(await told(path, null), path).toBe(null);
  }
  expect(await told("/livez", null)).toBe(null);
});
