import { expect, test } from "vitest";
import { caseNames, releasedInCluster } from "../fixtures/projects.ts";
import { identityOf } from "./access.ts";
import { mayHold } from "./owned.ts";
import { plainObject } from "./parse-objects.ts";

test.each(caseNames)("all that a target renders may be held by its release: %s", async (of) => {
  const { name, objects } = await releasedInCluster(of);
  const identities = objects.map((object) => identityOf(plainObject(object)));
  expect(identities.filter((one) => !mayHold(name, one))).toEqual([]);
});
