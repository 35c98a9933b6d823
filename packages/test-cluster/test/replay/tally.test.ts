/** The tally of recordings is what it was; each folder is held by a test that is there. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tally } from "./tally.ts";

test("all recordings but one are reproduced, and that one has its reason", () => {
  const all = tally();
  const told = all.filter(({ isCompared }) => !isCompared);
  expect(told.map(({ folder, exchanges, reproduced }) => `${folder} ${reproduced}/${exchanges}`)).toEqual([
    "01-discovery 22/23",
    "02-openapi 3/3",
    "03-access-review 7/7",
    "04-apply 74/74",
    "06-watch 27/27",
    "09-delete 25/25",
    "10-lease 9/9",
    "11-patch 19/19",
    "13-errors 28/28",
    "14-admission 11/11",
    "15-defaults 25/25",
    "16-clients 28/28",
  ]);
  expect(all.flatMap(({ folder, left }) => Object.entries(left).map((one) => [folder, ...one]))).toEqual([
    ["01-discovery", "23", "the checks of a server that is made of other parts"],
  ]);
});

test.each(tally().map(({ folder, by }) => [folder, by]))("%s is held by %s", (_, by) => {
  expect(existsSync(join(import.meta.dirname, "../..", by))).toBe(true);
});
